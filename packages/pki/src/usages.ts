/**
 * cfssl's `usages` vocabulary and what each word means in X.509: a bit of keyUsage or an OID of extendedKeyUsage.
 */
import { type Problem, throwProblems } from './pki-error.js';

/** Words for bits of the keyUsage extension (RFC 5280, 4.2.1.3); the number is the bit's position. */
const keyUsageBits = {
  signing: 0,
  'digital signature': 0,
  // cfssl 1.2 spells it with three t's; later versions take both.
  'content committment': 1,
  'content commitment': 1,
  'key encipherment': 2,
  'data encipherment': 3,
  'key agreement': 4,
  'cert sign': 5,
  'crl sign': 6,
  'encipher only': 7,
  'decipher only': 8,
} as const;

/** Words for extended key usages. */
const extendedUsageOids = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
} as const;

/** One word of cfssl's `usages`. */
export type Usage = keyof typeof keyUsageBits | keyof typeof extendedUsageOids;

export const knownUsages: readonly Usage[] = [
  ...(Object.keys(keyUsageBits) as (keyof typeof keyUsageBits)[]),
  ...(Object.keys(extendedUsageOids) as (keyof typeof extendedUsageOids)[]),
];

export function isUsage(word: string): word is Usage {
  return (knownUsages as readonly string[]).includes(word);
}

/** A list of usages in X.509's terms; both without repeats, `extended` in the order given. */
export interface X509Usages {
  readonly keyUsageBits: readonly number[];
  readonly extended: readonly string[];
}

/** Translates usages. Throws PkiError `badUsage` on an unknown word or when nothing is left. */
export function x509Usages(usages: readonly Usage[]): X509Usages {
  throwProblems('badUsage', 'bad usages', usageProblems(usages));
  const bits = usages.flatMap((word) =>
    word in keyUsageBits ? [keyUsageBits[word as keyof typeof keyUsageBits]] : [],
  );
  const extended = usages.flatMap((word) =>
    word in extendedUsageOids ? [extendedUsageOids[word as keyof typeof extendedUsageOids]] : [],
  );
  return { keyUsageBits: [...new Set<number>(bits)].sort((a, b) => a - b), extended: [...new Set(extended)] };
}

/** Everything wrong with a list of usages; `path` is `usages[2]`. */
function usageProblems(usages: readonly string[]): Problem[] {
  if (usages.length === 0)
    return [{ path: 'usages', message: 'is empty; a certificate without a usage is of no use' }];
  return usages.flatMap((word, index) =>
    isUsage(word)
      ? []
      : [
          {
            path: `usages[${index}]`,
            message: `${JSON.stringify(word)} is unknown; known are: ${knownUsages.join(', ')}`,
          },
        ],
  );
}

/** The first cfssl word for each usage that a certificate has; an unknown OID stands for itself. */
export function usageWords(found: X509Usages): string[] {
  const wordOf = (table: Record<string, number | string>, value: number | string) =>
    Object.keys(table).find((word) => table[word] === value) ?? String(value);
  return [
    ...found.keyUsageBits.map((bit) => wordOf(keyUsageBits, bit)),
    ...found.extended.map((oid) => wordOf(extendedUsageOids, oid)),
  ];
}

export const extendedUsageOid = extendedUsageOids;
