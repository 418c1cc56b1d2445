/**
 * Which hash goes with which signing key, as cfssl chooses: by the size of the key that signs.
 */
import type { KeyRequest } from './key.js';

export type SignatureHash = 'sha256' | 'sha384' | 'sha512';

export interface SignatureAlgorithm {
  readonly algo: KeyRequest['algo'];
  readonly hash: SignatureHash;
  readonly oid: string;
}

/** SHA-2 only: SHA-1 and MD5 are not here, so a request signed with them is refused as unknown. */
const signatureAlgorithms: readonly SignatureAlgorithm[] = [
  { algo: 'rsa', hash: 'sha256', oid: '1.2.840.113549.1.1.11' },
  { algo: 'rsa', hash: 'sha384', oid: '1.2.840.113549.1.1.12' },
  { algo: 'rsa', hash: 'sha512', oid: '1.2.840.113549.1.1.13' },
  { algo: 'ecdsa', hash: 'sha256', oid: '1.2.840.10045.4.3.2' },
  { algo: 'ecdsa', hash: 'sha384', oid: '1.2.840.10045.4.3.3' },
  { algo: 'ecdsa', hash: 'sha512', oid: '1.2.840.10045.4.3.4' },
];

/** What a key of this kind signs with. */
export function signatureAlgorithmFor(key: KeyRequest): SignatureAlgorithm {
  const hash = hashFor(key);
  return signatureAlgorithms.find((entry) => entry.algo === key.algo && entry.hash === hash)!;
}

export function signatureAlgorithmByOid(oid: string): SignatureAlgorithm | undefined {
  return signatureAlgorithms.find((entry) => entry.oid === oid);
}

function hashFor(key: KeyRequest): SignatureHash {
  if (key.algo === 'ecdsa') return key.size === 384 ? 'sha384' : 'sha256';
  if (key.size >= 4096) return 'sha512';
  return key.size >= 3072 ? 'sha384' : 'sha256';
}
