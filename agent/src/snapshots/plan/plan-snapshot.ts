/**
 * Whether this agent takes a snapshot now. The cluster takes one every so often, one agent at a time and not always the same:
 * copies on one host only are lost with it. Nobody is elected for it: every agent ranks itself by what all of them see, and whoever
 * ranks lower waits longer, so that it steps in where the one before does nothing. A lock in etcd keeps two from doing it at once.
 * Pure.
 */
import type { SnapshotPolicy } from '@etcd-agent/protocol';

/** An agent that could take one. `ageMs`: of the newest verified one that it took; null: it has none. */
export interface Candidate {
  readonly node: string;
  readonly ageMs: number | null;
  /** What reading a whole database costs should not be the leader's. */
  readonly leads: boolean;
  /** Reads go through its etcd, and no repair is under way there. */
  readonly fit: boolean;
}

export interface SnapshotSituation {
  readonly policy: SnapshotPolicy;
  readonly me: Candidate;
  /** Those that answer. */
  readonly peers: readonly Candidate[];
  readonly freeBytes: number;
  /** Of the database, as etcd says. */
  readonly dbSizeBytes: number;
  /** How long all of this has been seen: an agent that has just begun has not heard of the others yet. */
  readonly watchedMs: number;
  /** Attempts in a row that failed here, and how long ago the last one did. */
  readonly failures: number;
  readonly failedAgoMs: number;
}

export type SnapshotDecision =
  | { readonly kind: 'take'; readonly why: string }
  /** `notable`: a person should hear of it. */
  | { readonly kind: 'wait'; readonly why: string; readonly notable: boolean };

/** The WALs that a trial restore makes, and what etcd adds to a database that it opens. */
const trialBytes = 192 * 1024 ** 2;
/** The next in rank waits so much of the period, within these bounds. */
const turnShare = 20;
const turnMsMin = 3_000;
const turnMsMax = 5 * 60_000;
const watchMsMin = 10_000;
const retryMsMin = 30_000;
const retryMsMax = 60 * 60_000;

export function planSnapshot(situation: SnapshotSituation): SnapshotDecision {
  const { policy, me, peers, freeBytes, dbSizeBytes } = situation;
  const newest = [me, ...peers]
    .filter(({ ageMs }) => ageMs !== null)
    .reduce<Candidate | undefined>((a, b) => (a === undefined || b.ageMs! < a.ageMs! ? b : a), undefined);
  const dueMs = newest === undefined ? Number.POSITIVE_INFINITY : newest.ageMs! - policy.everyMs;
  if (dueMs < 0)
    return wait(
      `the newest is ${seconds(newest!.ageMs!)} old (${newest!.node}), the next is due in ${seconds(-dueMs)}`,
    );
  if (!me.fit)
    return wait('no linearizable read goes through the etcd of this node, or it is being repaired or held');
  if (situation.watchedMs < watchMsMin)
    return wait(
      `this agent has watched for ${seconds(situation.watchedMs)}, ${seconds(watchMsMin)} are needed`,
    );
  const retryMs = Math.min(retryMsMin * 2 ** situation.failures, retryMsMax, policy.everyMs);
  if (situation.failures > 0 && situation.failedAgoMs < retryMs)
    return wait(
      `the last attempt failed ${seconds(situation.failedAgoMs)} ago; the next is made ${seconds(retryMs)} after it`,
    );
  const wanted = 2 * dbSizeBytes + trialBytes + policy.minFreeBytes;
  if (freeBytes < wanted)
    return wait(
      `${megabytes(freeBytes)} MB are free where snapshots are kept: a snapshot with its trial restore, and what is to stay free (minFree), take ${megabytes(wanted)} MB`,
      true,
    );
  const before = peers.filter((peer) => peer.fit && ranksBefore(peer, me));
  const turnMs = Math.min(Math.max(policy.everyMs / turnShare, turnMsMin), turnMsMax) * before.length;
  // The very first is nobody's to wait for by its age.
  const lateMs = newest === undefined ? situation.watchedMs - watchMsMin : dueMs;
  if (lateMs < turnMs)
    return wait(
      `it is the turn of ${before.map(({ node }) => node).join(', ')}; this node steps in after ${seconds(turnMs - lateMs)}`,
    );
  const age =
    newest === undefined
      ? 'there is none yet'
      : `the newest is ${seconds(newest.ageMs!)} old (${newest.node})`;
  return { kind: 'take', why: `${age}, one is due every ${seconds(policy.everyMs)}` };
}

/** Followers before the leader, then whoever has the oldest or none, then by name. */
function ranksBefore(a: Candidate, b: Candidate): boolean {
  if (a.leads !== b.leads) return b.leads;
  const [ageA, ageB] = [a.ageMs ?? Number.POSITIVE_INFINITY, b.ageMs ?? Number.POSITIVE_INFINITY];
  return ageA === ageB ? a.node < b.node : ageA > ageB;
}

function wait(why: string, notable = false): SnapshotDecision {
  return { kind: 'wait', why, notable };
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
