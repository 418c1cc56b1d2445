/**
 * From looks and facts to the picture that the plan is made from. Only joins and counts; reading is in look.ts and
 * local-facts.ts, deciding in plan/.
 */
import { type Alarm, featuresOf, type Member, type MemberId, parseEtcdVersion } from '@etcd-agent/etcd';
import type { MemberSpec, Position } from '@etcd-agent/protocol';
import { oncePerText } from '../once-per-text.js';
import type { EndpointSight, Look, MemberHash } from './look.js';
import type { RememberedPosition } from './memory.js';
import type {
  ClusterFacts,
  ClusterMember,
  DiskCheck,
  HashFacts,
  Me,
  OwnEtcd,
  PeerFacts,
  ServiceFacts,
} from './plan/picture.js';

const featuresOfText = oncePerText((version) => featuresOf(parseEtcdVersion(version)!));

export function meOf(
  spec: MemberSpec,
  look: Look,
  facts: Pick<Me, 'addressHere' | 'certificate' | 'freeBytes' | 'stateBytes' | 'ioPressure'>,
): Me {
  const features = featuresOfText(spec.etcd.version);
  const said = lastSaid(spec, look);
  return {
    node: spec.node,
    generation: spec.generation,
    bootstrapId: spec.cluster.bootstrapId,
    clusterId: spec.cluster.clusterId as Me['clusterId'],
    former: (spec.cluster.previous ?? []).map(({ clusterId }) => clusterId as Me['clusterId']),
    heldBy: spec.hold === undefined ? undefined : { operation: spec.hold.id, command: spec.hold.command },
    memberId: spec.memberId as MemberId,
    peerURLs: spec.etcd.initialAdvertisePeerURLs,
    learners: features.learners,
    addNeeds: features.addNeeds,
    unwantedBy: unwantedBy(spec, said),
    unwanted: said.unwanted,
    replaces: spec.replaces as MemberId | undefined,
    ...facts,
  };
}

// The highest generation counts, whoever has it: an operator's removal must hold though this node was not told.
function lastSaid(spec: MemberSpec, { peers }: Look) {
  return [
    { generation: spec.generation, unwanted: spec.unwanted as readonly string[], by: 'this node' },
    ...peers.flatMap((peer) =>
      peer.kind === 'up' && peer.view.bootstrapId === spec.cluster.bootstrapId
        ? [{ generation: peer.view.generation, unwanted: peer.view.unwanted, by: peer.node }]
        : [],
    ),
  ].reduce((a, b) => (b.generation > a.generation ? b : a));
}

function unwantedBy({ node }: MemberSpec, said: ReturnType<typeof lastSaid>): string | undefined {
  return said.unwanted.includes(node)
    ? `generation ${said.generation} does not want this node in the cluster (known to ${said.by})`
    : undefined;
}

export function ownOf(spec: MemberSpec, { endpoints }: Look, service: ServiceFacts): OwnEtcd {
  const seen = endpoints.find(({ node }) => node === spec.node);
  if (service.kind !== 'active' && service.kind !== 'activating') return { kind: 'notAsked' };
  if (seen?.status === undefined) return { kind: 'silent', why: seen?.why ?? 'not asked' };
  const { memberId, clusterId, leader, isLearner, raftAppliedIndex, raftIndex, dbSizeBytes } = seen.status;
  return {
    kind: 'answers',
    memberId,
    clusterId,
    leader,
    isLearner,
    healthy: seen.list !== undefined,
    appliedIndex: raftAppliedIndex === '0' ? raftIndex : raftAppliedIndex,
    dbSizeBytes,
  };
}

/** What the linearizable lists of one look say; unknown where there is none, or where they contradict each other. */
export function clusterOf(spec: MemberSpec, { endpoints }: Look, alarms: readonly Alarm[]): ClusterFacts {
  // An etcd of another cluster that answers at one of these addresses is nobody here.
  const ours = endpoints.filter(({ status }) => status?.clusterId === spec.cluster.clusterId);
  const answering = ours.length;
  const listing = ours.filter(
    (each): each is EndpointSight & { list: readonly Member[] } => each.list !== undefined,
  );
  const others = listing.filter(({ node }) => node !== spec.node);
  const first = others[0] ?? listing[0];
  if (first === undefined) {
    const why = endpoints
      .filter(({ list }) => list === undefined)
      .map(({ node, why: each }) => `${node}: ${each || 'no answer'}`)
      .join('; ');
    return { kind: 'unknown', why: why.slice(0, 600), answering };
  }
  const listed = key(first.list);
  // Of a light look all lists are one and the same.
  if (listing.some(({ list }) => list !== first.list && key(list) !== listed))
    return { kind: 'unknown', why: 'the member list is just changing', answering };
  const healthy = listing.flatMap(({ status }) => (status === undefined ? [] : [status.memberId]));
  const leader = first.status?.leader ?? 'none';
  return {
    kind: 'known',
    members: first.list.map((member): ClusterMember => ({ ...member, node: nodeOf(spec, member) })),
    healthy: healthy.filter((id) => first.list.some((member) => member.id === id)),
    lists: others.length,
    inSomeList: [...new Set(listing.flatMap(({ list }) => list.map(({ id }) => id)))],
    leader,
    leaderIndex: ours
      .map(({ status }) => status?.raftIndex ?? '0')
      .reduce((a, b) => (BigInt(b) > BigInt(a) ? b : a), '0'),
    leaderDbBytes: Math.max(0, ...ours.map(({ status }) => status?.dbSizeBytes ?? 0)),
    alarms,
    local: ours
      .filter(({ node, local }) => node !== spec.node && local !== undefined)
      .map(({ node, local }) => ({ node, ids: local!.map(({ id }) => id) })),
  };
}

// Names and client URLs come when a member first serves; they are no change of the membership.
function key(list: readonly Member[]): string {
  return list
    .map(({ id, role, peerURLs }) => `${id} ${role} ${peerURLs.join()}`)
    .sort()
    .join('\n');
}

function nodeOf(spec: MemberSpec, { peerURLs }: Member): string {
  return spec.initialCluster.find((each) => each.peerURLs.some((url) => peerURLs.includes(url)))?.name ?? '';
}

export function peersOf({ peers }: Look, silentForMs: (node: string) => number): readonly PeerFacts[] {
  return peers.map((peer) =>
    peer.kind === 'up'
      ? peer
      : { node: peer.node, kind: 'silent', why: peer.why, forMs: silentForMs(peer.node) },
  );
}

/** The end of the WAL, compared with the highest that this agent or any that answers remembers of the member. */
export function diskOf(
  read: { readonly position: Position | undefined; readonly why: string; readonly forMs: number },
  memberId: string,
  own: readonly RememberedPosition[],
  { peers }: Look,
): DiskCheck {
  const remembered = [
    ...own.map((each) => ({ ...each, by: 'this agent' })),
    ...peers.flatMap((peer) =>
      peer.kind === 'up' ? peer.view.remembered.map((each) => ({ ...each, by: peer.node })) : [],
    ),
  ].filter((each) => each.memberId === memberId);
  const highest = remembered.reduce<(typeof remembered)[number] | undefined>(
    (a, b) => (a === undefined || BigInt(b.index) > BigInt(a.index) ? b : a),
    undefined,
  );
  const { position } = read;
  const behind =
    position !== undefined &&
    remembered.some(
      ({ term, index }) => BigInt(index) > BigInt(position.index) || BigInt(term) > BigInt(position.term),
    );
  return {
    kind: 'checked',
    ...read,
    remembered:
      highest === undefined ? undefined : { term: highest.term, index: highest.index, by: highest.by },
    behind,
  };
}

/** A quorum of equal hashes and who differs from it. */
export function hashesOf(read: readonly MemberHash[] | Error | undefined, quorum: number): HashFacts {
  if (read === undefined) return { kind: 'notAsked' };
  if (read instanceof Error) return { kind: 'unclear', why: read.message };
  const groups = new Map<string, MemberId[]>();
  for (const { id, hash } of read) groups.set(hash, [...(groups.get(hash) ?? []), id]);
  if (groups.size === 1) return { kind: 'equal', voters: read.length };
  const [largest] = [...groups.values()].sort((a, b) => b.length - a.length);
  if (largest === undefined || largest.length < quorum)
    return { kind: 'unclear', why: 'no quorum of voters has the same keys: a person must choose' };
  return {
    kind: 'differ',
    agreeing: largest.length,
    others: read.map(({ id }) => id).filter((id) => !largest.includes(id)),
  };
}
