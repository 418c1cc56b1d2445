/**
 * When agents take snapshots by themselves and how long they keep them: the policy, which comes with the member spec, and the
 * one rule by which old ones go. Durations in milliseconds.
 */
import * as z from 'zod';
import { plainPath } from './plain-path.js';

const day = 24 * 60 * 60 * 1000;

export const snapshotPolicySchema = z.strictObject({
  /** The cluster takes one this often; one agent of it does. */
  everyMs: z
    .int()
    .min(10_000)
    .max(365 * day),
  /** Verified ones that each node keeps of those it took. */
  keep: z.int().min(1).max(100).default(8),
  /** Older ones go, the newest verified one of a node excepted. */
  maxAgeMs: z
    .int()
    .min(60_000)
    .max(3650 * day)
    .default(30 * day),
  /** Left out: `snapshots` in the agent's state. */
  dir: plainPath.optional(),
  /** Stays free on that disk, beside the snapshot and its trial restore. */
  minFreeBytes: z
    .int()
    .min(0)
    .default(1024 ** 3),
});
export type SnapshotPolicy = z.infer<typeof snapshotPolicySchema>;

/** As much of a snapshot as decides how long it is kept. */
export interface Prunable {
  readonly at: string;
  readonly verified: object | null;
}

/**
 * Those that go, the oldest first. The newest verified one stays whatever its age, and what is newer than it stays too: nothing
 * goes before there is a newer one that a cluster is known to come back from.
 */
export function snapshotsToPrune<T extends Prunable>(
  snapshots: readonly T[],
  { keep, maxAgeMs }: Pick<SnapshotPolicy, 'keep' | 'maxAgeMs'>,
  nowMs: number,
): T[] {
  const byAge = [...snapshots].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  const newest = byAge.findIndex(({ verified }) => verified !== null);
  if (newest === -1) return [];
  let kept = 1;
  const going = byAge.slice(newest + 1).filter(({ at, verified }) => {
    const stays = verified !== null && kept < keep && nowMs - Date.parse(at) <= maxAgeMs;
    if (stays) kept += 1;
    return !stays;
  });
  return going.reverse();
}
