/** Which keys a deletion is about: what was named, made ranges, and what is refused before anything is asked of etcd. Pure. */
import { compareKeys, foreignRanges, type KeyRange, ownKeyPrefix, prefixRange } from '@etcd-agent/etcd';

/** What the runbook deletes before a cluster of OpenShift is installed anew. */
export const presets = { openshift: ['/openshift.io', '/kubernetes.io'] } as const;
export type Preset = keyof typeof presets;

/** Why nothing may be deleted by these words; undefined: nothing is against it. */
export function refusalOf(prefixes: readonly Uint8Array[]): string | undefined {
  if (prefixes.length === 0) return 'no prefix is named';
  if (prefixes.some(({ length }) => length === 0))
    return 'an empty prefix is every key there is: an unset variable of a shell looks just like that';
  const own = Buffer.from(ownKeyPrefix);
  if (prefixes.some((prefix) => compareKeys(prefix.subarray(0, own.length), own) === 0))
    return `what is below ${ownKeyPrefix} is of the agents, and goes by itself`;
  return undefined;
}

/** Each key once, however the prefixes overlap; those of this product stay. */
export function rangesOf(prefixes: readonly Uint8Array[]): readonly KeyRange[] {
  return foreignRanges(prefixes.map(prefixRange));
}
