/**
 * Removing the member of a host that does not come back. Every agent is told first that the node is not wanted, so that its
 * own does not bring it back; then the agent of a healthy voter removes the member, under the guards of a repair.
 */
import type { Member } from '@etcd-agent/etcd';
import type { GuardView } from '@etcd-agent/protocol';
import type { Reached } from '../bootstrap/connect.js';
import { entryOf } from '../cluster/entry-of.js';
import { type Cluster, placeOf } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { type Published, publish } from '../generation/publish.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { operatorName } from '../operator.js';
import type { BootstrapRecord } from '../state/records.js';
import { pickVoter } from './pick-voter.js';

/** A removal takes a lock, reads the list anew, and is sent for some seconds where etcd wants members to settle. */
const removeMsMax = 60_000;

export interface Removal {
  readonly cluster: Cluster;
  readonly node: string;
  readonly record: BootstrapRecord;
  /** The cluster as it is now. Asked anew wherever time has passed, since the node's own repair gives it another id. */
  readonly look: () => Promise<ClusterView>;
  readonly dryRun: boolean;
  /** Asked when the guards hold; false: nothing is changed. */
  readonly confirm: (facts: RemovalFacts) => Promise<boolean>;
}

export interface RemovalFacts {
  readonly node: string;
  /** Null: it is not in the list, or no longer. */
  readonly memberId: string | null;
  /** Whose agent is asked. */
  readonly voter: string | null;
  readonly guards: readonly GuardView[];
}

export type RemovalOutcome = { readonly facts: RemovalFacts } & (
  | { readonly kind: 'planned' | 'declined' | 'refused' }
  /** The node has another member, `nowId`, than the one that was confirmed. Nothing was changed. */
  | { readonly kind: 'changed'; readonly nowId: string }
  /**
   * After the node was marked as not wanted. `stillThere`: the guards failed, or etcd refused. `unknown`: nobody said how the
   * removal ended, or the list cannot be read.
   */
  | { readonly kind: 'removed' | 'stillThere' | 'unknown'; readonly published: Published }
);

/** Throws Failure where there is no list or no healthy voter; not any more once the node was marked as not wanted. */
export async function removeMember(removal: Removal, reached: Reached): Promise<RemovalOutcome> {
  const { cluster, node, record, dryRun, confirm } = removal;
  const facts = await see(removal, reached);
  if (facts.guards.some(({ ok }) => !ok)) return { kind: 'refused', facts };
  if (dryRun) return { kind: 'planned', facts };
  if (!(await confirm(facts))) return { kind: 'declined', facts };
  // The answer may have taken long.
  const nowId = entryIn(removal, await readList(removal))?.id;
  if (nowId !== undefined && nowId !== facts.memberId) return { kind: 'changed', facts, nowId };
  const published = await publish(
    cluster,
    {
      ...record,
      unwanted: [...new Set([...record.unwanted, node])],
      replaces: record.replaces.filter((each) => each.node !== node),
    },
    reached,
  );
  return { ...(await removeListed(removal, reached, facts)), published };
}

/** The node's entry and what the guards say to its removal; nothing is changed. */
async function see(removal: Removal, reached: Reached): Promise<RemovalFacts> {
  const { node } = removal;
  const seen = await readList(removal);
  const entry = entryIn(removal, seen);
  const voter = pickVoter(reached.links, seen, node);
  if (entry === undefined) return { node, memberId: null, voter: voter?.place.name ?? null, guards: [] };
  if (voter === undefined) throw noVoter(reached, seen);
  const { guards } = await remove(voter, entry.id, true);
  return { node, memberId: entry.id, voter: voter.place.name, guards };
}

interface Ended {
  readonly kind: 'removed' | 'stillThere' | 'unknown';
  readonly facts: RemovalFacts;
}

/**
 * Removes the entry that the node has by now: a repair of its own that was between its removal and its addition may have
 * come to its end. From the moment it hears that it is not wanted it adds no other.
 */
async function removeListed(removal: Removal, reached: Reached, confirmed: RemovalFacts): Promise<Ended> {
  let facts = confirmed;
  let wasAsked = false;
  try {
    const seen = await readCurrentList(removal);
    const entry = entryIn(removal, seen);
    if (entry === undefined) return { kind: 'removed', facts: { ...facts, memberId: null } };
    const voter = pickVoter(reached.links, seen, removal.node);
    facts = { ...facts, memberId: entry.id, voter: voter?.place.name ?? null };
    if (voter === undefined) throw noVoter(reached, seen);
    wasAsked = true;
    const { guards, removed } = await remove(voter, entry.id, false);
    facts = { ...facts, guards };
    if (removed) return { kind: 'removed', facts };
    const wasSent = guards.some(({ guard }) => guard === 'etcd');
    return { kind: wasSent ? await lookAgain(removal, 'stillThere') : 'stillThere', facts };
  } catch (error) {
    // Everybody has been told already that the node is not wanted, and that must be said.
    if (!(error instanceof Failure)) throw error;
    const { exit, what } = error.parts;
    const guards = [...facts.guards, { guard: 'agent', ok: false, reason: what }];
    // After a link that broke the agent may still be at it.
    const listed = wasAsked && exit !== 'refused' ? 'unknown' : 'stillThere';
    return { kind: await lookAgain(removal, listed), facts: { ...facts, guards } };
  }
}

/** How a removal that was not confirmed ended: an entry that is gone is removed; `listed` is what one that is there means. */
async function lookAgain(removal: Removal, listed: 'stillThere' | 'unknown'): Promise<Ended['kind']> {
  try {
    return entryIn(removal, await readCurrentList(removal)) === undefined ? 'removed' : listed;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return 'unknown';
  }
}

function entryIn({ cluster, node }: Removal, { members }: ClusterView): Member | undefined {
  return entryOf(placeOf(cluster, node, 'member remove'), members ?? []);
}

async function readList({ look, cluster }: Removal): Promise<ClusterView> {
  const seen = await look();
  if (seen.members === undefined) throw noList(cluster);
  return seen;
}

/** Of members without a quorum the list may be an old one, and does not show that an entry is gone. */
async function readCurrentList(removal: Removal): Promise<ClusterView> {
  const seen = await readList(removal);
  if (!seen.endpoints.some(({ health }) => health.kind === 'healthy')) throw noList(removal.cluster);
  return seen;
}

async function remove(voter: NodeLink, memberId: string, dryRun: boolean) {
  try {
    return await voter.call('member.remove', { memberId, dryRun, by: operatorName() }, removeMsMax);
  } catch (error) {
    throw nodeFailure(voter.place, error);
  }
}

function noVoter({ failures }: Reached, { endpoints }: ClusterView): Failure {
  // Agents that are silent as well do not make a lost quorum anything else.
  const hasQuorum = endpoints.some(({ health }) => health.kind === 'healthy');
  return new Failure({
    exit: hasQuorum && failures.length > 0 ? 'unreachable' : 'noQuorum',
    what: 'there is no healthy voter whose agent could be asked',
    where: failures.map(({ failure }) => failure.parts.what),
    next: 'coordinator status',
  });
}

function noList({ places }: Cluster): Failure {
  return new Failure({
    exit: 'noQuorum',
    what: 'no member answers with a list that is current, so nothing may be removed',
    where: places.map(({ name, clientURL }) => `${name} ${clientURL}`),
    next: 'coordinator status',
  });
}
