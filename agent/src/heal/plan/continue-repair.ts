/**
 * The next step of a repair that has begun, from its journal and from what is true now. Nothing of the order is remembered:
 * an agent that was killed between any two steps arrives at the same next one.
 *
 * The order: hand the leadership over, stop etcd, remove the old entry, move the data aside, add a new entry, start under it,
 * promote it, verify. Preconditions stand at each step; every membership call is decided again, from a new look, under
 * the lock.
 */
import type { MemberId } from '@etcd-agent/etcd';
import type { Journal } from '../journal.js';
import { hasFormerData, isStopped, runs } from './conditions.js';
import {
  failing,
  guardAdd,
  guardForecast,
  guardLosing,
  guardPause,
  guardPromote,
  type Known,
  ownEntry,
  seconds,
  sentence,
} from './guards.js';
import { startChecked } from './own-rules.js';
import type { Picture } from './picture.js';
import { type HealOutcome, type HealStep, hold, step } from './step.js';

/** How long a repair that cannot go on, and whose data could still be used, waits before it is given up. */
const blockedMsMax = 10_000;
/** Longer than an election takes on any sound network. */
const electionMsMax = 3_000;
/** How long the leadership is offered to others before a member stops all the same. */
const leadingMsMax = 5_000;
/** A first start writes its WAL within a second; one that has not after this long hangs. */
const walMsMax = 60_000;
/** Between two tries of adding an entry; doubles with every entry that was taken back. */
const retryMsFirst = 5_000;
const retryMsMax = 300_000;

export function continueRepair(picture: Picture, journal: Journal): HealOutcome {
  const { cluster } = picture;
  const oldId = journal.oldId as MemberId;
  if (cluster.kind === 'unknown') {
    const why = `the members cannot be read: ${cluster.why}`;
    return mayServe(picture, journal)
      ? startChecked('resumeRepair', picture)
      : hold('resumeRepair', why, { answering: cluster.answering }, true);
  }
  const byHand = replacedByHand(picture, journal, cluster);
  if (byHand !== undefined)
    return act(
      journal,
      { kind: 'abandonRepair' },
      `its data is of member ${byHand}, which has this node's peer URLs in the list: somebody has replaced it meanwhile`,
    );
  if (journal.newId !== undefined) return join(picture, journal, cluster, journal.newId as MemberId);
  if (cluster.members.some(({ id }) => id === oldId)) return leave(picture, journal, cluster, oldId);
  return enter(picture, journal, cluster, oldId);
}

/** The member that the WAL names, where it is in the list in this node's place and this repair knows nothing of it. */
function replacedByHand({ data, me }: Picture, journal: Journal, cluster: Known): MemberId | undefined {
  if (data.wal.kind !== 'present' || data.wal.clusterId !== journal.clusterId) return undefined;
  const { memberId } = data.wal;
  if (memberId === journal.oldId || memberId === journal.newId) return undefined;
  const entry = cluster.members.find(({ id }) => id === memberId);
  const same = entry !== undefined && [...entry.peerURLs].sort().join() === [...me.peerURLs].sort().join();
  return same ? memberId : undefined;
}

/**
 * Whether what is in the data dir is what this repair was begun to move aside: by the directory, or by the WAL in it. The
 * number of a device may be another after a boot.
 */
export function isCondemned(
  { data }: Pick<Picture, 'data'>,
  { condemned, oldId, clusterId }: Journal,
): boolean {
  const { dir, wal } = data;
  if (wal.kind === 'present' && wal.memberId === oldId && wal.clusterId === clusterId) return true;
  return condemned === null || dir === undefined || (dir.dev === condemned.dev && dir.ino === condemned.ino);
}

/** The old entry is still in the list: everything up to its removal. Until then the repair can be given up. */
function leave(picture: Picture, journal: Journal, cluster: Known, oldId: MemberId): HealOutcome {
  const { own, held, me, policy } = picture;
  if (journal.rule === 'rejoinDataGone' && dataOf(picture, oldId))
    return act(journal, { kind: 'abandonRepair' }, 'the data is there again');
  const serves = own.kind === 'answers' && own.memberId === oldId && own.healthy;
  if (journal.rule === 'rejoinCorrupt' && serves)
    return act(journal, { kind: 'abandonRepair' }, 'etcd serves on this data again');
  if (journal.rule === 'rejoinHashDiffers' && picture.hashes.kind === 'equal')
    return act(journal, { kind: 'abandonRepair' }, 'all keys are equal again');
  const stopping = [
    guardPause(picture),
    { guard: 'mode', ok: policy.mode === 'heal', reason: `mode is ${policy.mode}` },
    { guard: 'wanted', ok: me.unwantedBy === undefined, reason: me.unwantedBy ?? '' },
    guardLosing(cluster, oldId),
    ...(journal.rule === 'rejoinHashDiffers' ? [] : [guardForecast(picture, cluster, oldId)]),
  ];
  const failed = failing(stopping);
  if (failed.length > 0) {
    // Stopped by this repair, and needed now more than the repair is.
    return mayServe(picture, journal)
      ? startChecked('resumeRepair', picture)
      : hold('resumeRepair', sentence(failed), {}, true);
  }
  const leads = own.kind === 'answers' && own.leader === own.memberId;
  // One that is about to be replaced too would only hand it back.
  const leaving = picture.peers.flatMap((peer) =>
    peer.kind === 'up' && peer.view.intent !== 'none' ? [peer.node] : [],
  );
  const heir = cluster.members.find(
    ({ id, role, node }) =>
      role === 'voter' && id !== oldId && cluster.healthy.includes(id) && !leaving.includes(node),
  );
  if (leads && heir !== undefined && (held.leading ?? 0) < leadingMsMax)
    return act(journal, { kind: 'moveLeader', to: heir.id }, 'this member leads');
  if (!isStopped(picture)) return act(journal, { kind: 'stopVoter' }, 'its member is about to be removed');
  return act(journal, { kind: 'removeMember', id: oldId }, sentence([guardLosing(cluster, oldId)]));
}

/** The old entry is gone: the way back is gone too, and every step from here is repeated until it works. */
function enter(picture: Picture, journal: Journal, cluster: Known, oldId: MemberId): HealOutcome {
  const { data, stalledMs } = picture;
  if (!isStopped(picture)) return act(journal, { kind: 'stopEtcd' }, 'its member has been removed');
  if (picture.me.unwantedBy !== undefined)
    return act(journal, { kind: 'abandonRepair' }, picture.me.unwantedBy);
  if (data.kind === 'unknown') return hold('resumeRepair', `the data dir cannot be seen: ${data.why}`);
  if (data.fileSystem === 'other')
    return hold('resumeRepair', 'another file system is in the place of the data dir');
  const isOthers = data.wal.kind === 'present' && data.wal.clusterId !== journal.clusterId;
  if (data.wal.kind === 'present' && isOthers && !hasFormerData(picture))
    return hold('resumeRepair', `the WAL is of cluster ${data.wal.clusterId}: it is not moved`);
  if (data.content && !journal.joining && !isCondemned(picture, journal)) {
    return hold(
      'resumeRepair',
      `${journal.condemned?.path} is not the directory that was condemned: look at it, and if it can go, move it away yourself`,
    );
  }
  if (data.content) return act(journal, { kind: 'quarantineData' }, 'its data belongs to a removed member');
  const entry = ownEntry(cluster, picture);
  if (entry !== undefined) {
    if (entry.started && entry.role === 'voter') return removeFormer(picture, journal, cluster, entry.id);
    return act(journal, { kind: 'adoptEntry', id: entry.id }, 'an entry of this node is waiting for it');
  }
  const failed = failing(guardAdd(cluster, picture, oldId));
  if (failed.length > 0) return hold('resumeRepair', sentence(failed));
  const waitMs =
    journal.attempts === 0 ? 0 : Math.min(retryMsFirst * 2 ** (journal.attempts - 1), retryMsMax);
  if (stalledMs < waitMs)
    return hold('resumeRepair', `try ${journal.attempts + 1} begins in ${seconds(waitMs - stalledMs)}`);
  const role = picture.me.learners ? 'learner' : 'voter';
  return act(journal, { kind: 'addMember', role }, sentence(guardAdd(cluster, picture, oldId)));
}

/**
 * A started voter with this node's peer URL that this node does not remember: a member it was meanwhile, on a disk that is
 * not this one. It is taken out like the old one, but only when nobody has seen it alive for long enough.
 */
function removeFormer(picture: Picture, journal: Journal, cluster: Known, id: MemberId): HealOutcome {
  const inactiveMs = picture.held[`inactive:${id}`] ?? 0;
  if (inactiveMs < picture.policy.replaceMs) {
    return hold(
      'resumeRepair',
      `member ${id} has this node's peer URL and has been started: two hosts under one name?`,
      { inactiveMs },
    );
  }
  const failed = failing([guardLosing(cluster, id), guardForecast(picture, cluster, id)]);
  if (failed.length > 0) return hold('resumeRepair', sentence(failed));
  return act(journal, { kind: 'removeMember', id }, `member ${id} of this node has been inactive`, {
    inactiveMs,
  });
}

/** An entry was added: start under it, and under no other. */
function join(picture: Picture, journal: Journal, cluster: Known, newId: MemberId): HealOutcome {
  const { data, service, own, ends } = picture;
  const entry = cluster.members.find(({ id }) => id === newId);
  if (entry === undefined) {
    if (!isStopped(picture))
      return act(journal, { kind: 'stopEtcd' }, `entry ${newId} is gone from the list`);
    return act(journal, { kind: 'forgetEntry', id: newId }, `entry ${newId} is gone from the list`);
  }
  const strange =
    data.wal.kind === 'unreadable' ||
    (data.wal.kind === 'present' &&
      (data.wal.memberId !== newId || data.wal.clusterId !== journal.clusterId));
  if (strange) {
    if (!isStopped(picture)) return act(journal, { kind: 'stopEtcd' }, 'it has started under another id');
    if (data.fileSystem === 'other')
      return hold('resumeRepair', 'another file system is in the place of the data dir');
    return act(journal, { kind: 'quarantineData' }, 'what it has written is not of the new member');
  }
  // An entry has a name once its etcd has served: what was promised under it is gone with its data.
  if (data.wal.kind === 'none' && entry.started)
    return takeBack(picture, journal, cluster, newId, 'it has served, and its data is gone again');
  if (data.wal.kind === 'none' && journal.joining && isStopped(picture))
    return takeBack(picture, journal, cluster, newId, 'it may have run, and there is no WAL');
  if (data.wal.kind === 'none' && data.fileSystem === 'other')
    return hold('resumeRepair', 'another file system is in the place of the data dir');
  if (data.wal.kind === 'none') return firstStart(picture, journal, cluster, newId);
  // Later rules have no turn while a repair is under way, and without its files etcd does not start.
  if (picture.files.kind === 'damaged' && !runs(picture))
    return act(
      journal,
      { kind: 'restoreFiles' },
      `${picture.files.which.join(', ')} differ from what the agent keeps`,
    );
  const tries = failedJoin(picture);
  if (tries !== undefined) return takeBack(picture, journal, cluster, newId, tries);
  if (isStopped(picture)) return startChecked('resumeRepair', picture);
  if (own.kind !== 'answers' || own.memberId !== newId) {
    const why = own.kind === 'silent' ? own.why : service.kind;
    return hold('resumeRepair', `waiting for member ${newId} to answer (${why})`, {
      lastEnd: ends.text.slice(0, 200),
    });
  }
  if (entry.role === 'learner') {
    const guard = guardPromote(cluster, newId);
    if (BigInt(own.appliedIndex) * 10n < BigInt(cluster.leaderIndex) * 9n) {
      return hold('resumeRepair', `it has applied ${own.appliedIndex} of ${cluster.leaderIndex} entries`);
    }
    return guard.ok
      ? act(journal, { kind: 'promote', id: newId }, sentence([guard]))
      : hold('resumeRepair', sentence([guard]));
  }
  return own.healthy
    ? act(journal, { kind: 'finishRepair', id: newId }, 'a linearizable read goes through it')
    : hold('resumeRepair', `waiting for a linearizable read through member ${newId}`);
}

/** Preconditions: the others are enough without it, before it is stopped and before it is removed. */
function takeBack(
  picture: Picture,
  journal: Journal,
  cluster: Known,
  newId: MemberId,
  why: string,
): HealOutcome {
  const guard = guardLosing(cluster, newId);
  if (!guard.ok) return hold('resumeRepair', `${why}; ${sentence([guard])}`);
  if (!isStopped(picture)) return act(journal, { kind: 'stopEtcd' }, why);
  return act(journal, { kind: 'takeBack', id: newId }, why);
}

/**
 * etcd takes its id from the first peer that answers it, and that peer may not know of the change yet: it is started only
 * when every peer that answers lists the new entry and not the old one.
 */
function firstStart(picture: Picture, journal: Journal, cluster: Known, newId: MemberId): HealOutcome {
  const { service } = picture;
  if (service.kind === 'masked') return hold('resumeRepair', 'etcd is masked: somebody wants it down');
  if (runs(picture) || service.kind === 'restarting' || service.kind === 'deactivating') {
    if (service.forMs < walMsMax)
      return hold('resumeRepair', 'etcd is starting and has not written its WAL yet');
    return act(journal, { kind: 'stopEtcd' }, `no WAL ${seconds(service.forMs)} after its start`);
  }
  const stale = cluster.local.filter(
    ({ ids }) => !ids.includes(newId) || ids.some((id) => id === journal.oldId),
  );
  if (cluster.local.length === 0 || stale.length > 0) {
    const who = stale.map(({ node }) => node).join(', ') || 'nobody';
    return hold('resumeRepair', `${who} does not list the new entry yet`);
  }
  return act(journal, { kind: 'startJoin', id: newId }, 'every peer that answers lists the new entry', {
    peers: cluster.local.length,
  });
}

function failedJoin({ stalledMs, policy, ends, service, disk }: Picture): string | undefined {
  if (disk.kind === 'checked' && disk.behind)
    return `its disk is behind what others remember of it (${disk.why})`;
  if (stalledMs >= policy.joinStallMs) return `it has received nothing for ${seconds(stalledMs)}`;
  const dies = service.kind === 'restarting' || service.kind === 'failed';
  if (dies && (ends.corruptInARow >= 3 || ends.code === 'tocommit'))
    return `it ends with: ${ends.text.slice(0, 200)}`;
  return undefined;
}

/** Rules whose evidence does not say that the data itself is bad. */
function usable({ rule, newId }: Journal): boolean {
  return newId !== undefined || !['rejoinCorrupt', 'rejoinRolledBack'].includes(rule);
}

function dataOf({ data, me }: Picture, id: MemberId): boolean {
  return data.wal.kind === 'present' && data.wal.memberId === id && data.wal.clusterId === me.clusterId;
}

/**
 * The repair cannot go on, perhaps for want of this very member: one that was stopped or has joined, and whose data is whole,
 * is started again, after a while in which an election would be over.
 */
function mayServe(picture: Picture, journal: Journal): boolean {
  const id = (journal.newId ?? journal.oldId) as MemberId;
  const waited = picture.stalledMs >= (journal.newId === undefined ? blockedMsMax : electionMsMax);
  return waited && isStopped(picture) && usable(journal) && dataOf(picture, id);
}

function act(
  journal: Journal,
  next: HealStep,
  why: string,
  evidence: Readonly<Record<string, number | string>> = {},
): HealOutcome {
  return step('resumeRepair', next, why, { begunBy: journal.rule, ...evidence });
}
