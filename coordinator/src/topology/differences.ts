/** What differs between two topologies, key by key. Pure. */
import { dotted, type Path } from '@etcd-agent/strict-yaml';
import type { Topology } from './read.js';

export interface Difference {
  /** Dotted, as in the file: `nodes[2].address`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Every key whose value is another one, defaults included: leaving a default out changes nothing. */
export function differences(before: Topology, after: Topology): Difference[] {
  return compare(before, after, []).map(({ path, ...values }) => ({
    // What the cfssl files say counts as part of pki, where they are named.
    path: path.replace(/^pkiSettings/, 'pki'),
    ...values,
  }));
}

function compare(before: unknown, after: unknown, path: Path): Difference[] {
  if (Object.is(before, after)) return [];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after))
    return [{ path: dotted(path), before: before ?? null, after: after ?? null }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) =>
    compare(before[key], after[key], [...path, Array.isArray(before) ? Number(key) : key]),
  );
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
