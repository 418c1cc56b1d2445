/** The snapshots that agents take by themselves, in one line of `status`. Pure. */
import type { PeerView } from '@etcd-agent/protocol';
import { ageText, parseDuration } from '../durations.js';
import type { SnapshotSettings } from '../topology/snapshot-settings.js';

export interface ScheduledSnapshots {
  /** As the topology has it; null: agents take none. */
  readonly every: string | null;
  /** The newest verified one that an agent took which answers. */
  readonly newest: { readonly node: string; readonly ageMs: number } | null;
  readonly overdue: boolean;
}

/** So many periods without a new one mean that something keeps all agents from it. */
const overduePeriods = 2;

export function scheduledSnapshots(
  settings: SnapshotSettings,
  views: readonly PeerView[],
): ScheduledSnapshots {
  const every = settings?.every ?? null;
  const newest = views
    .flatMap(({ node, snapshotAgeMs }) =>
      typeof snapshotAgeMs === 'number' ? [{ node, ageMs: snapshotAgeMs }] : [],
    )
    .reduce<{ node: string; ageMs: number } | null>(
      (a, b) => (a === null || b.ageMs < a.ageMs ? b : a),
      null,
    );
  const periodMs = every === null ? undefined : parseDuration(every);
  return {
    every,
    newest,
    overdue: periodMs !== undefined && newest !== null && newest.ageMs > overduePeriods * periodMs,
  };
}

export function scheduledLine({ every, newest, overdue }: ScheduledSnapshots): string {
  const age = newest === null ? 'none yet' : `the newest is ${ageText(newest.ageMs)} old (${newest.node})`;
  if (every === null)
    return `snapshots: agents take none by themselves (no snapshots: in the topology)${newest === null ? '' : `; ${age}`}`;
  return `snapshots: every ${every}; ${age}${overdue ? '; OVERDUE: coordinator snapshot list says why' : ''}`;
}
