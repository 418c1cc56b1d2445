// Only node-forge's ASN.1 part is loaded: the whole library costs 10 MB and 40 ms, this one a tenth of both.
declare module 'node-forge/lib/asn1.js' {
  import type { asn1 } from 'node-forge';

  const lib: typeof asn1;
  export default lib;
}
