/**
 * When etcd lets the membership be changed: strict-reconfig-check with its differences between versions, judged by the
 * member that is asked from its own connections. What every member checks alike while applying is in etcd-apply.ts.
 */
import { featuresOf, isAtLeast, type MemberId, parseEtcdVersion } from '@etcd-agent/etcd';
import { type Refusal, refused } from './etcd-apply.js';
import type { MemberRow } from './etcd-disk.js';

/** How one version differs from the others. */
export interface VersionRules {
  readonly version: string;
  readonly learners: boolean;
  readonly preVote: boolean;
  /** A removed member that is told so before it serves ends, by chance, as if its start had failed. */
  readonly removedStartMayFail: boolean;
  /** Who must have been connected for {@link healthMs} before a member may be added. */
  readonly addNeeds: 'allVoters' | 'quorumOfTheEnlarged';
  /** A read that waits while the leader changes is told so. */
  readonly tellsLeaderChange: boolean;
}

export function rulesOf(text: string): VersionRules {
  const version = parseEtcdVersion(text);
  if (version === undefined) throw new RangeError(`not a version of etcd: ${text}`);
  const { learners } = featuresOf(version);
  const relaxed = isAtLeast(version, '3.6.0') ? isAtLeast(version, '3.6.11') : isAtLeast(version, '3.5.30');
  return {
    version: text,
    learners,
    preVote: learners,
    removedStartMayFail: isAtLeast(version, '3.5.0'),
    addNeeds: relaxed ? 'quorumOfTheEnlarged' : 'allVoters',
    tellsLeaderChange: learners,
  };
}

/** How long a connection must have stood to count, in milliseconds. */
const healthMs = 5_000;

/** What the asked member knows. */
export interface Judge {
  readonly self: MemberId;
  readonly members: readonly MemberRow[];
  readonly nowMs: number;
  /** Since when it has been connected to another member without a break. */
  connectedSinceMs(id: MemberId): number | undefined;
}

export function mayAdd(judge: Judge, role: MemberRow['role'], rules: VersionRules): Refusal | undefined {
  const voters = votersOf(judge);
  const started = voters.filter(isStarted).length;
  const growsFromOne = started === 1 && voters.length === 1;
  if (role === 'voter' && !growsFromOne && started < majority(voters.length + 1)) return notEnoughStarted;
  const connected = connectedCount(judge, voters);
  const enough =
    rules.addNeeds === 'allVoters'
      ? connected === voters.length
      : voters.length === 1 || connected >= majority(voters.length + 1);
  return enough ? undefined : unhealthy;
}

export function mayRemove(judge: Judge, id: MemberId): Refusal | undefined {
  if (judge.members.find((row) => row.id === id)?.role === 'learner') return undefined;
  const voters = votersOf(judge);
  const others = voters.filter((row) => row.id !== id);
  if (others.filter(isStarted).length < majority(others.length)) return notEnoughStarted;
  // One that is not connected is no part of the quorum that works now.
  if (id !== judge.self && judge.connectedSinceMs(id) === undefined) return undefined;
  return connectedCount(judge, voters) - 1 < majority(voters.length - 1) ? unhealthy : undefined;
}

/** Judged by the leader; `matchOf` is how far it knows a member's log to be equal to its own. */
export function mayPromote(
  judge: Judge,
  id: MemberId,
  matchOf: (id: MemberId) => number | undefined,
): Refusal | undefined {
  const match = matchOf(id);
  if (match === undefined) return refused('notFound', 'member not found').refusal;
  if (match < (matchOf(judge.self) ?? 0) * readyShare) {
    return refused('notReady', 'can only promote a learner member which is in sync with leader').refusal;
  }
  const voters = votersOf(judge);
  return 1 + voters.filter(isStarted).length < majority(voters.length + 1) ? notEnoughStarted : undefined;
}

/** As much of the leader's log as a learner must have. */
const readyShare = 0.9;

function votersOf({ members }: Judge): readonly MemberRow[] {
  return members.filter(({ role }) => role === 'voter');
}

function isStarted({ name }: MemberRow): boolean {
  return name !== '';
}

/** How many of the voters have been connected for long enough, the judge itself included. */
function connectedCount(judge: Judge, voters: readonly MemberRow[]): number {
  return voters.filter(({ id }) => {
    if (id === judge.self) return true;
    const since = judge.connectedSinceMs(id);
    return since !== undefined && since < judge.nowMs - healthMs;
  }).length;
}

function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

const unhealthy = refused('unhealthyCluster', 'unhealthy cluster').refusal;
const notEnoughStarted = refused(
  'unhealthyCluster',
  're-configuration failed due to not enough started members',
).refusal;
