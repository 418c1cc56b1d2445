/**
 * Why a node's member would have to be replaced: one function per situation, each with its evidence. Whether it may begin is
 * for the guards; what cannot be evidence (silence, an alarm, an unknown message) is in no function here.
 */
import { type MemberId, quorum } from '@etcd-agent/etcd';
import type { Evidence } from '@etcd-agent/protocol';
import { formerWords, hasFormerData, isStopped, myId, stoppedByHand } from './conditions.js';
import { countsWithout, ownEntry, seconds } from './guards.js';
import type { Picture } from './picture.js';
import { type HealOutcome, hold, nothing, report, step } from './step.js';

export interface RejoinEvidence {
  readonly kind: 'evidence';
  readonly oldId: MemberId;
  readonly why: string;
  readonly evidence: Evidence;
  /** A CORRUPT alarm refuses writes, so there is no lock, and the forecast does not count: nothing works until it is healed. */
  readonly alarmed: boolean;
}
export type Found = RejoinEvidence | HealOutcome;

/** How many starts must end in a message of damaged data before it is believed. */
const corruptEndsMin = 3;

/** In the order in which they are asked; the name is the rule's. */
export const rejoinRules: Readonly<Record<string, (picture: Picture) => Found>> = {
  rejoinFormer,
  rejoinMisled,
  rejoinReplaced,
  rejoinDataGone,
  rejoinCorrupt,
  rejoinRolledBack,
  rejoinRemoved,
  rejoinHashDiffers,
  replaceMember,
};

/**
 * Preconditions: etcd does not run, and its WAL is of a cluster that the spec itself names as a former one: this node was away
 * while an operator restored the others.
 */
function rejoinFormer(picture: Picture): Found {
  if (!hasFormerData(picture)) return nothing;
  const why = formerWords(picture);
  const { me, cluster } = picture;
  if (!isStopped(picture)) return hold('rejoinFormer', `${why}: waiting for its etcd to end`);
  if (me.unwantedBy !== undefined) return hold('rejoinFormer', `${why}; ${me.unwantedBy}`);
  if (cluster.kind === 'unknown') return hold('rejoinFormer', `${why}; ${cluster.why}`, {}, true);
  const oldId = memberToReplace(picture);
  return oldId === undefined ? twoHosts(picture, 'rejoinFormer') : found(oldId, why, {});
}

/**
 * Preconditions: etcd was started on this empty directory to join another cluster, and its WAL is of this one: its peers had changed
 * over to it just then, and gave it the id of a member that has forgotten what it had.
 */
function rejoinMisled({ data, me }: Picture): Found {
  const { wal } = data;
  if (!data.begunForOther || wal.kind !== 'present' || wal.clusterId !== me.clusterId) return nothing;
  const why = `etcd began here on nothing, for another cluster, and took the id of member ${wal.memberId} from its peers`;
  return found(wal.memberId, why, {});
}

/** Preconditions: the spec names a member whose place this node takes; nothing was ever begun here; nobody sees it alive. */
function rejoinReplaced({ me, data, held, cluster, policy }: Picture): Found {
  const id = me.replaces;
  if (id === undefined || data.begunHere || data.wal.kind !== 'none') return nothing;
  if (data.content || data.kind === 'unknown')
    return hold(
      'rejoinReplaced',
      `the data dir is not empty: ${data.why || 'it holds things this agent did not make'}`,
    );
  if (cluster.kind === 'unknown') return hold('rejoinReplaced', cluster.why, {}, true);
  const inList = cluster.members.some((member) => member.id === id);
  const inactiveMs = held[`inactive:${id}`] ?? 0;
  if (inList && inactiveMs < policy.replaceMs) {
    return hold(
      'rejoinReplaced',
      `member ${id}, whose place this host takes, must have been inactive for ${seconds(policy.replaceMs)}; an etcd that still answers means two hosts under one name`,
      { inactiveMs },
      true,
    );
  }
  return found(id, `this host takes the place of member ${id}`, { inactiveMs });
}

/** Preconditions: a WAL has been there and is not, for the evidence time, on the file system that was there before. */
function rejoinDataGone(picture: Picture): Found {
  const { held, policy, data, service } = picture;
  const goneMs = held.dataGone ?? 0;
  if (goneMs === 0 || data.kind === 'unknown') return nothing;
  if (data.fileSystem !== 'same') {
    return hold(
      'newDisk',
      data.fileSystem === 'other'
        ? 'another file system is in the place of the data dir and holds no data: it may be an unmounted volume; if it is right: coordinator node accept-disk NODE'
        : 'it was never seen which file system the data was on; if this is the right one: coordinator node accept-disk NODE',
    );
  }
  const oldId = memberToReplace(picture);
  if (oldId === undefined) return twoHosts(picture, 'rejoinDataGone');
  if (stoppedByHand(picture) && service.forMs < policy.stoppedMs)
    return hold(
      'rejoinDataGone',
      `etcd was stopped by hand, and its WAL is gone; looked at again in ${seconds(policy.stoppedMs - service.forMs)}`,
    );
  if (goneMs < policy.evidenceMs)
    return hold('rejoinDataGone', `no WAL for ${seconds(goneMs)}`, { goneMs }, true);
  return found(oldId, 'the WAL that was in the data dir is gone', { goneMs, service: service.kind });
}

/** Preconditions: three starts in a row, or one in the panic of a forgotten log, ended in a message known to mean damage. */
function rejoinCorrupt(picture: Picture): Found {
  const { ends, service } = picture;
  const enough = ends.code === 'tocommit' ? 1 : corruptEndsMin;
  if (ends.corruptInARow === 0 || service.kind === 'active') return nothing;
  const oldId = memberToReplace(picture);
  if (oldId === undefined) return twoHosts(picture, 'rejoinCorrupt');
  const evidence = {
    ends: ends.corruptInARow,
    needed: enough,
    code: ends.code,
    text: ends.text.slice(0, 300),
  };
  if (ends.corruptInARow < enough)
    return report(
      'rejoinCorrupt',
      `${ends.corruptInARow} of ${enough} starts ended in: ${ends.text.slice(0, 200)}`,
      evidence,
    );
  return found(
    oldId,
    `${ends.corruptInARow} starts ended in a message of damaged data (${ends.code})`,
    evidence,
  );
}

/**
 * Preconditions: etcd does not run; the end of its WAL is below what an agent remembers of this member; the others have a
 * quorum. Or: the WAL is of a member that was replaced before.
 */
function rejoinRolledBack(picture: Picture): Found {
  const { disk, cluster, data, me } = picture;
  const stale =
    cluster.kind === 'known' &&
    data.wal.kind === 'present' &&
    data.wal.clusterId === me.clusterId &&
    data.wal.memberId !== me.memberId &&
    !cluster.inSomeList.includes(data.wal.memberId) &&
    cluster.members.some(({ id }) => id === me.memberId);
  if (stale)
    return found(me.memberId, 'the data is of a member that this node was before its last repair', {});
  if (disk.kind !== 'checked' || !disk.behind) return nothing;
  const { position, remembered } = disk;
  const evidence = {
    term: position?.term ?? '',
    index: position?.index ?? '',
    rememberedTerm: remembered?.term ?? '',
    rememberedIndex: remembered?.index ?? '',
    by: remembered?.by ?? '',
  };
  const why = `the WAL ends at index ${position?.index ?? 'unknown'}, ${remembered?.by ?? 'a peer'} remembers ${remembered?.index ?? '?'}: the disk was rolled back`;
  const id = myId(picture);
  if (cluster.kind === 'unknown')
    return hold(
      'rejoinRolledBack',
      `${why}; without a quorum of the others it is not started: a person must choose`,
      evidence,
      true,
    );
  const { n, healthy } = countsWithout(cluster, id);
  if (healthy < quorum(n))
    return hold('rejoinRolledBack', `${why}; ${healthy} of ${n} others are healthy`, evidence, true);
  return found(id, why, evidence);
}

/** Preconditions: for the waiting time no linearizable list of two other endpoints has this node; it is still wanted. */
function rejoinRemoved(picture: Picture): Found {
  const { held, policy, me } = picture;
  const removedMs = held.removed ?? 0;
  if (removedMs === 0) return nothing;
  const id = myId(picture);
  if (me.unwantedBy !== undefined) {
    // etcd ends by itself here, and would be started again and again.
    if (!isStopped(picture)) return step('rejoinRemoved', { kind: 'stopEtcd' }, me.unwantedBy);
    return hold('rejoinRemoved', `member ${id} was removed, and that is wanted: ${me.unwantedBy}`);
  }
  if (removedMs < policy.removedMs) {
    const inMs = policy.removedMs - removedMs;
    return report('rejoinRemoved', `member ${id} is in no list any more; it rejoins in ${seconds(inMs)}`, {
      removedMs,
    });
  }
  return found(id, `member ${id} was removed by other hands`, { removedMs });
}

/** Preconditions: a CORRUPT alarm is armed; a quorum of equal hashes, and this node's alone differs, for the evidence time. */
function rejoinHashDiffers(picture: Picture): Found {
  const { hashes, held, policy } = picture;
  if (hashes.kind !== 'differ') return nothing;
  const id = myId(picture);
  const [other, ...more] = hashes.others;
  if (other !== id || more.length > 0)
    return report(
      'corruptAlarm',
      `the keys of ${hashes.others.join(', ')} differ from those of ${hashes.agreeing} others`,
    );
  const differsMs = held.hashDiffers ?? 0;
  const evidence = { agreeing: hashes.agreeing, differsMs };
  if (differsMs < policy.evidenceMs)
    return report('rejoinHashDiffers', `its keys differ from those of ${hashes.agreeing} others`, evidence);
  return {
    ...found(id, `its keys alone differ from those of ${hashes.agreeing} others`, evidence),
    alarmed: true,
  };
}

/** Preconditions: an operator has asked for it. */
function replaceMember(picture: Picture): Found {
  const { order } = picture;
  if (order === undefined) return nothing;
  return found(myId(picture), `asked for by ${order.by}`, {});
}

/**
 * The entry of this node that a repair removes: what it remembers, which need not be in the list any more. Where the list
 * has another started voter with this node's peer URL, that one, where this node's own etcd runs as it, or once nobody
 * has seen it alive for long enough; undefined until then.
 */
function memberToReplace(picture: Picture): MemberId | undefined {
  const id = myId(picture);
  const entry = picture.cluster.kind === 'known' ? ownEntry(picture.cluster, picture) : undefined;
  if (entry === undefined || entry.id === id || !entry.started || entry.role === 'learner') return id;
  // This node's own etcd runs as that member: somebody had replaced it by hand before its data went.
  if (picture.own.kind === 'answers' && picture.own.memberId === entry.id) return entry.id;
  return (picture.held[`inactive:${entry.id}`] ?? 0) >= picture.policy.replaceMs ? entry.id : undefined;
}

function twoHosts(picture: Picture, rule: string): HealOutcome {
  return hold(
    rule,
    `a started member with this node's peer URL is not ${myId(picture)}: two hosts under one name?`,
  );
}

function found(oldId: MemberId, why: string, evidence: Evidence): RejoinEvidence {
  return { kind: 'evidence', oldId, why, evidence, alarmed: false };
}
