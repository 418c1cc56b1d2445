/** From which member a snapshot is taken: what reading a whole database costs should not be the leader's. Pure. */
import type { EndpointView } from '../../cluster/probe-members.js';

export interface Source {
  readonly name: string;
  readonly endpoint: string;
  /** `out of touch`: a person named it though no linearizable read goes through it. */
  readonly role: 'follower' | 'leader' | 'alone' | 'out of touch';
  /** Entries that it had not applied yet when it was asked. */
  readonly behind: number;
  readonly version: string;
}

/** A follower with more entries outstanding than this is catching up: what it has is not what clients were told. */
const behindMax = 1_000;

/**
 * The follower that is the least behind; of several, the quickest. The leader where there is no such follower. Only members
 * that serve a linearizable read are asked: others may have lost touch with the cluster. Undefined where there is none.
 */
export function pickSource(endpoints: readonly EndpointView[]): Source | undefined {
  const healthy = endpoints.flatMap(({ name, endpoint, health, status }) =>
    health.kind === 'healthy' && status !== undefined && !status.isLearner
      ? [{ name, endpoint, status, tookMs: health.tookMs }]
      : [],
  );
  const newest = healthy.reduce((most, { status }) => Math.max(most, Number(status.raftIndex)), 0);
  const sources = healthy.map(({ name, endpoint, status, tookMs }) => ({
    name,
    endpoint,
    tookMs,
    version: status.version,
    role: roleOf(status, endpoints.length),
    behind: Math.max(0, newest - appliedBy(status)),
  }));
  const followers = sources.filter(({ role, behind }) => role === 'follower' && behind <= behindMax);
  // Some entries more or less are only the moment of the question.
  followers.sort((a, b) => Math.floor((a.behind - b.behind) / 10) || a.tookMs - b.tookMs);
  const best = followers[0] ?? sources.find(({ role }) => role !== 'follower');
  if (best === undefined) return undefined;
  const { tookMs: _, ...source } = best;
  return source;
}

type Status = NonNullable<EndpointView['status']>;

function roleOf({ leader, memberId }: Status, members: number): Source['role'] {
  if (members === 1) return 'alone';
  return leader === memberId ? 'leader' : 'follower';
}

/** Servers older than 3.4 do not say what they have applied. */
function appliedBy({ raftAppliedIndex, raftIndex }: Status): number {
  return Number(raftAppliedIndex === '0' ? raftIndex : raftAppliedIndex);
}
