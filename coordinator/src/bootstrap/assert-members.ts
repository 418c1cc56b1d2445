/** Whether the cluster that has come up is the one on record. Pure. */
import type { ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { BootstrapRecord } from '../state/records.js';

type Expected = Pick<BootstrapRecord, 'clusterId' | 'members' | 'unwanted' | 'completedAt'>;
type Entry = NonNullable<ClusterView['members']>[number];

/**
 * Throws Failure where another cluster answers, or the list has other members than the record. A first start gives exactly
 * the ids that were expected. After that a member may have been repaired: the same name and peer URLs under another id.
 */
export function assertMembers({ endpoints, members }: ClusterView, record: Expected): void {
  const hasHealed = record.completedAt !== undefined;
  const wanted = record.members.filter(({ name }) => !record.unwanted.includes(name));
  const unwantedURLs = record.members
    .filter((member) => !wanted.includes(member))
    .flatMap(({ peerURLs }) => peerURLs);
  const listed = (members ?? []).filter(
    ({ peerURLs }) => !peerURLs.some((url) => unwantedURLs.includes(url)),
  );
  const found = listed.map((entry) => describe(entry, hasHealed) + stateOf(entry)).sort();
  const expected = wanted
    .map(({ memberId, name, peerURLs }) => describe({ id: memberId, name, peerURLs }, hasHealed))
    .sort();
  const others = endpoints.filter(({ status }) => status?.clusterId !== record.clusterId);
  if (found.join('\n') === expected.join('\n') && others.length === 0) return;
  throw new Failure({
    exit: 'failed',
    what: 'the cluster has come up, but it is not the one that was to begin',
    where: [
      ...others.map(({ name, status }) => `${name} answers for cluster ${status?.clusterId ?? 'unknown'}`),
      `found members: ${found.join('; ') || 'none'}`,
      `expected cluster ${record.clusterId}: ${expected.join('; ')}`,
    ],
    cause: hasHealed
      ? 'a member is joining just now, members were changed by hand, or another cluster answers at these addresses'
      : 'members were changed by hand meanwhile, or another cluster answers at these addresses',
    next: 'coordinator member list; coordinator heal status',
  });
}

/** Throws Failure where another cluster answers. */
export function assertCluster({ endpoints }: ClusterView, { clusterId }: Pick<Expected, 'clusterId'>): void {
  const others = endpoints.filter(({ status }) => status?.clusterId !== clusterId);
  if (others.length === 0) return;
  throw new Failure({
    exit: 'failed',
    what: `not every member is of cluster ${clusterId}`,
    where: others.map(({ name, status }) => `${name} answers for cluster ${status?.clusterId ?? 'unknown'}`),
    next: 'coordinator member list; coordinator heal status',
  });
}

function describe(
  {
    id,
    name,
    peerURLs,
  }: { readonly id: string; readonly name: string; readonly peerURLs: readonly string[] },
  hasHealed: boolean,
): string {
  return `${hasHealed ? '' : `${id} `}${name || 'without a name'} ${[...peerURLs].sort().join(',')}`;
}

/** An entry that is no voter at work is never one that was expected. */
function stateOf({ started, role }: Entry): string {
  if (!started) return ' (unstarted)';
  return role === 'learner' ? ' (learner)' : '';
}
