/**
 * Removing the member of a host that does not come back. Every agent is told first that the node is not wanted, so that its
 * own does not bring it back; then the agent of a healthy voter removes the member, under the guards of a repair.
 */
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
  /** The cluster as it was just seen. */
  readonly seen: ClusterView;
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
  /** `stillThere`: the guards failed, or etcd refused, after the node was marked as not wanted. */
  | { readonly kind: 'removed' | 'stillThere'; readonly published: Published }
);

export async function removeMember(removal: Removal, reached: Reached): Promise<RemovalOutcome> {
  const { cluster, node, record, seen, dryRun, confirm } = removal;
  const entry = entryOf(placeOf(cluster, node, 'member remove'), seen.members ?? []);
  const voter = pickVoter(reached.links, seen, node);
  if (entry !== undefined && voter === undefined) throw noVoter(reached, seen);
  const guards = entry === undefined ? [] : (await remove(voter!, entry.id, true)).guards;
  const facts = { node, memberId: entry?.id ?? null, voter: voter?.place.name ?? null, guards };
  if (guards.some(({ ok }) => !ok)) return { kind: 'refused', facts };
  if (dryRun) return { kind: 'planned', facts };
  if (!(await confirm(facts))) return { kind: 'declined', facts };
  const published = await publish(
    cluster,
    {
      ...record,
      unwanted: [...new Set([...record.unwanted, node])],
      replaces: record.replaces.filter((each) => each.node !== node),
    },
    reached,
  );
  if (entry === undefined) return { kind: 'removed', facts, published };
  const outcome = await remove(voter!, entry.id, false).catch((error: unknown) => {
    // Everybody has been told already that the node is not wanted, and that must be said.
    if (!(error instanceof Failure)) throw error;
    const refusal = { guard: 'agent', ok: false, reason: error.parts.what };
    return { removed: false, guards: [...guards, refusal] };
  });
  return {
    kind: outcome.removed ? 'removed' : 'stillThere',
    facts: { ...facts, guards: outcome.guards },
    published,
  };
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
