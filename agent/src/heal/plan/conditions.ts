/**
 * Named things that hold or do not hold now. The healer measures how long each has held without a break, and the rules ask
 * for that: a fault that was seen once, in one look, moves nothing.
 */
import { type MemberId, quorum } from '@etcd-agent/etcd';
import type { ClusterMember, Picture } from './picture.js';

type Seen = Omit<Picture, 'held'>;

/** Every condition that holds in this picture. */
export function conditions(picture: Seen): readonly string[] {
  const isUnasked = picture.cluster.kind === 'unknown' && unasked(picture).length > 0;
  const named: [string, boolean][] = [
    ['dataGone', dataIsGone(picture)],
    ['silent', runs(picture) && picture.own.kind === 'silent'],
    ['removed', isRemoved(picture)],
    ['alone', isAlone(picture)],
    ['unasked', isUnasked],
    ['someUnasked', isUnasked && !isAlone(picture)],
    ['leading', picture.journal !== undefined && leads(picture)],
    ['ownLearner', picture.own.kind === 'answers' && picture.own.isLearner],
    ['hashDiffers', picture.hashes.kind === 'differ'],
    ['notRunning', ['inactive', 'failed', 'conditionFailed'].includes(picture.service.kind)],
  ];
  const members = picture.cluster.kind === 'known' ? picture.cluster.members : [];
  return [
    ...named.filter(([, holds]) => holds).map(([name]) => name),
    ...members.filter((member) => isOrphan(picture, member)).map(({ id }) => `orphan:${id}`),
    ...members.filter((member) => isInactive(picture, member)).map(({ id }) => `inactive:${id}`),
  ];
}

export function runs({ service }: Pick<Picture, 'service'>): boolean {
  return service.kind === 'active' || service.kind === 'activating';
}

/** No other agent answers, though there are nodes that should have one. */
export function isAlone({ peers, me }: Pick<Picture, 'peers' | 'me'>): boolean {
  const others = wanted({ peers, me });
  return others.length > 0 && others.every(({ kind }) => kind !== 'up');
}

/**
 * Nodes whose agents do not answer, where they could have been a quorum with this one: those that answer, if any, need not know how
 * far that went. Otherwise none.
 */
export function unasked({ peers, me }: Pick<Picture, 'peers' | 'me'>): Picture['peers'] {
  const others = wanted({ peers, me });
  const silent = others.filter(({ kind }) => kind !== 'up');
  return silent.length > 0 && silent.length + 1 >= quorum(others.length + 1) ? silent : [];
}

/** Nodes that were removed for good are in no quorum. */
function wanted({ peers, me }: Pick<Picture, 'peers' | 'me'>): Picture['peers'] {
  return peers.filter(({ node }) => !me.unwanted.includes(node));
}

function leads({ own }: Seen): boolean {
  return own.kind === 'answers' && own.leader === own.memberId;
}

/** The WAL is of a cluster that this one was before an operator restored it: this node was away then. */
export function hasFormerData({ data, me }: Pick<Picture, 'data' | 'me'>): boolean {
  return data.wal.kind === 'present' && me.former.includes(data.wal.clusterId);
}

export function formerWords({ data, me }: Pick<Picture, 'data' | 'me'>): string {
  const former = data.wal.kind === 'present' ? data.wal.clusterId : 'unknown';
  return `the WAL is of cluster ${former}, in whose place an operator has put ${me.clusterId}`;
}

/** Somebody stopped it, and means it for now. */
export function stoppedByHand({ service }: Pick<Picture, 'service'>): boolean {
  return service.kind === 'inactive' && /^(success|stopped)$/.test(service.detail);
}

/** Something wanted it to run, and it waits for this agent's word: the unit refused it, or it ended while no agent ran. */
export function startIsAskedFor(picture: Pick<Picture, 'service'>): boolean {
  const { kind } = picture.service;
  return kind === 'conditionFailed' || (kind === 'inactive' && !stoppedByHand(picture));
}

/** Nothing of etcd is left running, and nobody starts it without being asked. */
export function isStopped({ service }: Pick<Picture, 'service'>): boolean {
  return ['inactive', 'failed', 'conditionFailed', 'missing', 'masked'].includes(service.kind);
}

/** No WAL where one has been. What a running etcd still holds open of it does not count: it is gone at its end. */
function dataIsGone({ data }: Pick<Picture, 'data'>): boolean {
  return data.begun && data.kind !== 'unknown' && data.wal.kind === 'none';
}

/** The id that counts: the WAL's own where there is one. */
export function myId({ data, me }: Pick<Picture, 'data' | 'me'>): MemberId {
  return data.wal.kind === 'present' && data.wal.clusterId === me.clusterId ? data.wal.memberId : me.memberId;
}

/**
 * Linearizable lists from two other endpoints, or from the only other voter there is, lack this node's id. A list that
 * this node's own etcd gave proves nothing: it may be what a removed member still believes.
 */
function isRemoved({ cluster, data, me, journal }: Seen): boolean {
  if (journal !== undefined || cluster.kind === 'unknown' || !data.begun) return false;
  const id = myId({ data, me });
  const voters = cluster.members.filter(({ role }) => role === 'voter').length;
  return (
    cluster.lists >= Math.max(1, Math.min(2, voters)) &&
    !cluster.inSomeList.includes(id) &&
    !cluster.members.some((member) => member.id === id)
  );
}

/** An entry that is not, or not yet, a voter at work, and whose node nobody hears of. */
function isOrphan(picture: Seen, member: ClusterMember): boolean {
  if (member.started && member.role === 'voter') return false;
  if (member.node === picture.me.node) return false;
  // Of a node that the spec does not know nobody can be asked: only what never started can be told to be nothing.
  if (member.node === '') return !member.started;
  const agent = picture.peers.find(({ node }) => node === member.node);
  return agent?.kind !== 'up' && isInactive(picture, member);
}

/** Neither this node nor any agent that answers sees this member's etcd alive. */
function isInactive({ cluster, peers, me, own }: Seen, member: ClusterMember): boolean {
  if (member.node === '' || (cluster.kind === 'known' && cluster.healthy.includes(member.id))) return false;
  if (member.node === me.node && own.kind === 'answers') return false;
  return !peers.some(
    (peer) =>
      peer.kind === 'up' &&
      (peer.node === member.node
        ? isAlive(peer.view.etcd)
        : peer.view.sights.some(({ node, etcd }) => node === member.node && isAlive(etcd))),
  );
}

function isAlive(etcd: string): boolean {
  return etcd === 'healthy' || etcd === 'unhealthy' || etcd === 'starting';
}
