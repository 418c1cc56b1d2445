/**
 * What a simulated coordinator keeps of its cluster, as the bootstrap record does: which cluster it is now, what that was before,
 * and what is under way. Member specs follow from it.
 */
import { bootstrapMemberId, clusterIdOf, type MemberId } from '@etcd-agent/etcd';
import type { ClusterOperation, FormerCluster, MemberSpec } from '@etcd-agent/protocol';

export interface SimRecord {
  readonly generation: number;
  readonly bootstrapId: string;
  readonly token: string;
  readonly clusterId: string;
  /** Of every node, whether the cluster began with it or not. */
  readonly members: MemberSpec['initialCluster'];
  readonly previous: readonly FormerCluster[];
  readonly underWay: ClusterOperation | undefined;
}

/** Of a bootstrap that has ended. */
export function recordOfSpec({ generation, cluster, initialCluster }: MemberSpec): SimRecord {
  const { bootstrapId, token, clusterId } = cluster;
  return {
    generation,
    bootstrapId,
    token,
    clusterId,
    members: initialCluster,
    previous: [],
    underWay: undefined,
  };
}

/** `spec`: any of that node, for what no operation changes. */
export function specOfRecord(spec: MemberSpec, record: SimRecord): MemberSpec {
  const { hold: _, replaces: __, ...rest } = spec;
  const { generation, bootstrapId, token, clusterId, members, previous, underWay } = record;
  return {
    ...rest,
    generation,
    cluster: {
      name: spec.cluster.name,
      bootstrapId,
      token,
      clusterId,
      ...(previous.length === 0 ? {} : { previous: [...previous] }),
    },
    memberId: members.find(({ name }) => name === spec.node)!.memberId,
    initialCluster: members,
    ...(underWay === undefined ? {} : { hold: underWay }),
  };
}

/** A cluster of the operation's nodes with a token of its own. */
export function restored(
  before: SimRecord,
  operation: Extract<ClusterOperation, { kind: 'restore' }>,
  token: string,
  generation: number,
): SimRecord {
  const members = before.members.map(({ name, peerURLs }) => ({
    name,
    peerURLs,
    memberId: bootstrapMemberId(peerURLs, token),
  }));
  const first = members.filter(({ name }) => operation.nodes.includes(name));
  return {
    generation,
    bootstrapId: operation.id,
    token,
    clusterId: clusterIdOf(first.map(({ memberId }) => memberId as MemberId)),
    members,
    previous: [formerOf(before), ...before.previous],
    underWay: operation,
  };
}

/** The cluster that there was before, with the one that is given up now among its former ones. */
export function undone(
  before: SimRecord,
  former: SimRecord,
  operation: Extract<ClusterOperation, { kind: 'undo' }>,
  generation: number,
): SimRecord {
  const known = [formerOf(before), ...before.previous, ...former.previous];
  const previous = known.filter(
    ({ clusterId }, at) =>
      clusterId !== former.clusterId && known.findIndex((each) => each.clusterId === clusterId) === at,
  );
  return { ...former, generation, previous, underWay: operation };
}

function formerOf({ bootstrapId, clusterId }: SimRecord): FormerCluster {
  return { bootstrapId, clusterId };
}
