/**
 * What must hold before a dangerous step, each guard a pure answer with its numbers. n is the number of voters in the list
 * just read, H the number of them through which this agent has just read linearizably, the one in question left out.
 */
import { type MemberId, quorum } from '@etcd-agent/etcd';
import type { GuardView } from '@etcd-agent/protocol';
import type { ClusterFacts, ClusterMember, Picture } from './picture.js';

export type Known = Extract<ClusterFacts, { kind: 'known' }>;

/** n and H, with respect to one member. */
export function countsWithout(cluster: Known, id: MemberId | undefined): { n: number; healthy: number } {
  const voters = cluster.members.filter(({ role }) => role === 'voter');
  const healthy = voters.filter((voter) => voter.id !== id && cluster.healthy.includes(voter.id));
  return { n: voters.length, healthy: healthy.length };
}

/** This node's entry: the one with its peer URLs, whatever id it has. */
export function ownEntry({ members }: Known, { me }: Pick<Picture, 'me'>): ClusterMember | undefined {
  return members.find(({ peerURLs }) => peerURLs.some((url) => me.peerURLs.includes(url)));
}

/** Entries under way, this node's own left out: unstarted members and learners. */
export function othersInFlight(cluster: Known, { me }: Pick<Picture, 'me'>): readonly ClusterMember[] {
  return cluster.members.filter(
    ({ started, role, peerURLs }) =>
      (!started || role === 'learner') && !peerURLs.some((url) => me.peerURLs.includes(url)),
  );
}

/** Before a member that still answers is stopped, and before one is removed: the others are enough, with it and without. */
export function guardLosing(cluster: Known, id: MemberId): GuardView {
  const entry = cluster.members.find((member) => member.id === id);
  const { n, healthy } = countsWithout(cluster, id);
  if (entry !== undefined && entry.role === 'learner') {
    return view('quorum', healthy >= quorum(n), `${healthy} of ${n} voters healthy, ${quorum(n)} needed`);
  }
  const most = Math.max(quorum(n), n > 1 ? quorum(n - 1) : 1);
  return view(
    'quorum',
    n >= 3 && healthy >= most,
    n < 3
      ? `${n} voters: fewer than three cannot lose one`
      : `${healthy} other voters of ${n} healthy, ${most} needed`,
  );
}

/**
 * Before an entry is added. A single voter never has the quorum that a second one takes: with the entry it would have none until
 * that one runs, and a join begins from a list that takes a quorum to read.
 */
export function guardAdd(cluster: Known, picture: Picture, oldId: MemberId): readonly GuardView[] {
  const { n, healthy } = countsWithout(cluster, undefined);
  const needed = picture.me.learners ? quorum(n) : quorum(n + 1);
  const flying = othersInFlight(cluster, picture);
  return [
    view(
      'oldEntryGone',
      !cluster.members.some(({ id }) => id === oldId),
      `the entry ${oldId} ${cluster.members.some(({ id }) => id === oldId) ? 'is still there' : 'is gone'}`,
    ),
    view('quorum', healthy >= needed, `${healthy} of ${n} voters healthy, ${needed} needed`),
    guardRoom(picture, cluster),
    inFlight(flying),
  ];
}

/**
 * Before a voter is stopped where no lock can be had. Whoever is about to stop has told so before it looked, so of two that
 * look, one sees the other; then the first by name goes first. Of an agent that is silent nobody can tell.
 */
export function guardTurn({ me, peers, cluster }: Pick<Picture, 'me' | 'peers' | 'cluster'>): GuardView {
  const healthy = (node: string) =>
    cluster.kind === 'unknown' ||
    cluster.members.some((member) => member.node === node && cluster.healthy.includes(member.id));
  // One that is not healthy is not counted on by anybody, and its stop takes nothing away.
  const before = peers.filter(
    (peer) =>
      healthy(me.node) &&
      healthy(peer.node) &&
      (peer.kind === 'silent' || (peer.view.intent !== 'none' && peer.node < me.node)),
  );
  const names = before.map(({ node }) => node).join(', ');
  return view(
    'turn',
    before.length === 0,
    before.length === 0
      ? 'no other member is about to stop'
      : `etcd takes no writes, so there is no lock: ${names} may be about to stop its member too`,
  );
}

/** Before a learner becomes a voter. */
export function guardPromote(cluster: Known, id: MemberId): GuardView {
  const { n, healthy } = countsWithout(cluster, id);
  return view(
    'quorum',
    healthy >= quorum(n) && healthy + 1 >= quorum(n + 1),
    `${healthy} of ${n} voters healthy, ${Math.max(quorum(n), quorum(n + 1) - 1)} needed`,
  );
}

/** Before a repair begins: everything that is known then to stop it half way. */
export function guardsToBegin(picture: Picture, oldId: MemberId, alarmed: boolean): readonly GuardView[] {
  const { me, policy, cluster, watchedMs, service } = picture;
  const guards: GuardView[] = [
    view(
      'mode',
      policy.mode === 'heal',
      policy.mode === 'heal' ? 'healing is on' : 'mode is watch: nothing is done',
    ),
    guardPause(picture),
    view('wanted', me.unwantedBy === undefined, me.unwantedBy ?? 'wanted in the cluster'),
    view(
      'watched',
      watchedMs >= policy.watchMs,
      `this agent has watched for ${seconds(watchedMs)} of ${seconds(policy.watchMs)}`,
    ),
    guardFlapping(picture),
    view('certificate', me.certificate.usable, me.certificate.why),
    view(
      'address',
      me.addressHere,
      `${me.peerURLs.join(', ')} is ${me.addressHere ? 'an' : 'no'} address of this host`,
    ),
    view(
      'service',
      service.kind !== 'missing' && service.kind !== 'masked',
      `the service is ${service.kind}`,
    ),
    view(
      'files',
      picture.files.kind !== 'lost',
      picture.files.kind === 'lost' ? picture.files.why : 'the files of etcd can be written',
    ),
  ];
  guards.push(
    view(
      'journalRoom',
      me.stateBytes >= journalBytesMin,
      `${mebibytes(me.stateBytes)} free for the journal, ${mebibytes(journalBytesMin)} needed`,
    ),
  );
  if (cluster.kind === 'unknown') return [...guards, view('quorum', false, cluster.why)];
  return [
    ...guards,
    guardRoom(picture, cluster),
    inFlight(othersInFlight(cluster, picture)),
    ...(cluster.members.some(({ id }) => id === oldId) ? [guardLosing(cluster, oldId)] : []),
    ...(alarmed ? [] : [guardForecast(picture, cluster, oldId)]),
  ];
}

/** Before a join: what failed tries have left is on the same disk. */
function guardRoom({ me }: Picture, { leaderDbBytes }: Known): GuardView {
  const room = 2 * leaderDbBytes + roomBytesMin;
  return view(
    'room',
    me.freeBytes >= room,
    `${mebibytes(me.freeBytes)} free for the new data, ${mebibytes(room)} needed`,
  );
}

/** The journal, the events and what is remembered are written all through a repair, each whole and anew. */
const journalBytesMin = 4 * 1024 * 1024;
/** A WAL segment is 64 MiB, and there are two from the beginning. */
const roomBytesMin = 160 * 1024 * 1024;

export function guardPause({ pause }: Picture): GuardView {
  return view(
    'notPaused',
    pause === undefined,
    pause === undefined ? 'not paused' : `paused until ${pause.until} by ${pause.by}: ${pause.reason}`,
  );
}

/**
 * Whether an entry could be added again after the removal. Older servers accept one only while every voter is connected; a
 * voter that cannot be reached is no obstacle where its own agent is about to replace it too: then both are removed first.
 */
export function guardForecast({ me, peers }: Picture, cluster: Known, oldId: MemberId): GuardView {
  if (me.addNeeds === 'quorum') return view('forecast', true, 'this etcd adds members by quorum');
  // An entry of this node's own, which somebody added for it, is what the repair will start.
  const missing = cluster.members.filter(
    ({ role, id, node }) =>
      role === 'voter' && id !== oldId && node !== me.node && !cluster.healthy.includes(id),
  );
  const obstacles = missing.filter(({ node }) => {
    const peer = peers.find((each) => each.node === node);
    return !(peer?.kind === 'up' && peer.view.intent !== 'none' && !peer.view.paused);
  });
  const names = obstacles.map(({ node, id }) => node || id).join(', ');
  // Each a command of its own; the coordinator knows members by their nodes, and etcdctl all of them.
  const commands = obstacles.map(({ node, id }) =>
    node === ''
      ? `eval "$(coordinator env)"; etcdctl member remove ${id}`
      : `coordinator member remove ${node}`,
  );
  return view(
    'forecast',
    obstacles.length === 0,
    obstacles.length === 0
      ? 'an entry can be added again'
      : `this etcd adds no member while ${names} is not connected; if it does not come back: ${commands.join('; ')}`,
  );
}

/** The first cool-down after a repair that did not hold; each further one doubles it. */
const coolDownMs = 60_000;
const dayMs = 24 * 60 * 60 * 1000;

/** Repairs that had to be made again soon after mean a cause that repairing does not remove. */
export function guardFlapping({ history, policy, wallMs }: Picture): GuardView {
  // What ended in the future was written down by a clock that was wrong.
  const recent = history.filter(({ endedMs }) => endedMs <= wallMs && wallMs - endedMs < dayMs);
  const broken = recent.filter(
    ({ endedMs }, at) => (recent[at + 1]?.startedMs ?? wallMs) - endedMs < policy.holdMs,
  ).length;
  const last = recent.at(-1);
  if (last === undefined || broken === 0)
    return view('notFlapping', true, `${recent.length} repairs within a day`);
  if (broken >= policy.repairsPerDayMax) {
    return view(
      'notFlapping',
      false,
      `${broken} repairs of a day did not hold for ${seconds(policy.holdMs)}: a person must look`,
    );
  }
  const waitMs = coolDownMs * 2 ** (broken - 1) - (wallMs - last.endedMs);
  return view(
    'notFlapping',
    waitMs <= 0,
    waitMs <= 0
      ? `${broken} repairs of a day did not hold`
      : `the last repair did not hold; the next one in ${seconds(waitMs)}`,
  );
}

function inFlight(flying: readonly ClusterMember[]): GuardView {
  const names = flying.map(({ id, node, role }) => `${node || id} (${role})`).join(', ');
  return view(
    'nothingInFlight',
    flying.length === 0,
    flying.length === 0 ? 'no other member is joining' : `${names} is joining`,
  );
}

export function failing(guards: readonly GuardView[]): readonly GuardView[] {
  return guards.filter(({ ok }) => !ok);
}

export function sentence(guards: readonly GuardView[]): string {
  return guards.map(({ guard, reason }) => `${guard}: ${reason}`).join('; ');
}

export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

function view(guard: string, ok: boolean, reason: string): GuardView {
  return { guard, ok, reason };
}
