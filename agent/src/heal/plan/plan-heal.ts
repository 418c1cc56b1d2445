/**
 * What healing does next on this node: at most one step, and why everything else waits. Pure: the same picture gives the
 * same plan. Rules are asked in order; the first step, or the first rule that holds the others back, ends the round.
 */
import { quorum } from '@etcd-agent/etcd';
import type { Waiting } from '@etcd-agent/protocol';
import { isStopped, myId, runs } from './conditions.js';
import { continueRepair } from './continue-repair.js';
import {
  failing,
  guardLosing,
  guardPause,
  guardPromote,
  guardsToBegin,
  seconds,
  sentence,
} from './guards.js';
import type { Picture } from './picture.js';
import { type RejoinEvidence, rejoinRules } from './rejoin-evidence.js';
import { type Decision, type HealOutcome, hold, nothing, report, step } from './step.js';

export interface HealPlan {
  readonly decision: Decision | undefined;
  readonly waiting: readonly Waiting[];
  readonly intent: 'none' | 'rejoin' | 'repairing';
}

type Rule = (picture: Picture) => HealOutcome;

/** Every rule by its name, in the order in which they are asked. */
export const healRules: Readonly<Record<string, Rule>> = {
  fence,
  resumeRepair: (picture) =>
    picture.journal === undefined ? nothing : continueRepair(picture, picture.journal),
  foreignData,
  adoptMember,
  wrongAddress,
  restoreFiles,
  ...Object.fromEntries(
    Object.entries(rejoinRules).map(([rule, find]): [string, Rule] => [
      rule,
      (picture) => {
        const found = find(picture);
        return found.kind === 'evidence' ? begin(rule, picture, found) : found;
      },
    ]),
  ),
  startEtcd,
  unhang,
  promoteLearner,
  disarmCorrupt,
  removeOrphan,
  quorumLost,
  noSpace,
  hostSilent,
};

export function planHeal(picture: Picture, rules: Readonly<Record<string, Rule>> = healRules): HealPlan {
  const waiting: Waiting[] = [];
  let wantsRejoin = false;
  for (const rule of Object.values(rules)) {
    const outcome = heldBack(picture, rule(picture));
    if (outcome.kind === 'nothing') continue;
    if (outcome.kind === 'step') {
      const { kind: _, ...decision } = outcome;
      return {
        decision,
        waiting,
        intent: intentOf(picture, wantsRejoin || decision.step.kind === 'beginRepair'),
      };
    }
    waiting.push(outcome.waiting);
    wantsRejoin ||= outcome.wantsRejoin;
    if (outcome.holds) break;
  }
  return { decision: undefined, waiting, intent: intentOf(picture, wantsRejoin) };
}

function intentOf({ journal }: Picture, wantsRejoin: boolean): HealPlan['intent'] {
  if (journal !== undefined) return 'repairing';
  return wantsRejoin ? 'rejoin' : 'none';
}

/** Paused, or told to watch: said instead of done. What a repair has begun by removing its entry goes on all the same. */
function heldBack(picture: Picture, outcome: HealOutcome): HealOutcome {
  if (outcome.kind !== 'step' || picture.journal !== undefined || outcome.step.kind === 'checkDisk')
    return outcome;
  const pause = guardPause(picture);
  const why = pause.ok ? (picture.policy.mode === 'watch' ? 'mode is watch' : undefined) : pause.reason;
  if (why === undefined) return outcome;
  return hold(outcome.rule, `would do ${outcome.step.kind} (${outcome.why}); ${why}`, outcome.evidence);
}

function begin(
  rule: string,
  picture: Picture,
  { oldId, why, evidence, alarmed }: RejoinEvidence,
): HealOutcome {
  const failed = failing(guardsToBegin(picture, oldId, alarmed));
  if (failed.length === 0) return step(rule, { kind: 'beginRepair', oldId }, why, evidence);
  const runsOn = rule === 'rejoinHashDiffers' || rule === 'replaceMember';
  const waits = hold(rule, `${why}; ${sentence(failed)}`, evidence, true);
  return waits.kind === 'waiting' && runsOn ? { ...waits, holds: false } : waits;
}

/** A peer's agent was told of another cluster by a newer generation: this etcd must not serve beside that one. Its data stays. */
function fence(picture: Picture): HealOutcome {
  const { peers, me } = picture;
  const newer = peers.find(
    (peer) =>
      peer.kind === 'up' &&
      peer.view.generation > me.generation &&
      peer.view.clusterId !== null &&
      peer.view.clusterId !== me.clusterId,
  );
  if (newer?.kind !== 'up') return nothing;
  const why = `${newer.node} has generation ${newer.view.generation} of cluster ${newer.view.clusterId}, this node ${me.generation} of ${me.clusterId}`;
  return isStopped(picture)
    ? hold('fence', `${why}: waiting for the coordinator`)
    : step('fence', { kind: 'stopEtcd' }, why, { generation: newer.view.generation });
}

/** The WAL is of another cluster: whatever it is, it is not ours to start or to move. */
function foreignData({ data, me }: Picture): HealOutcome {
  if (data.wal.kind !== 'present' || data.wal.clusterId === me.clusterId) return nothing;
  return hold(
    'foreignData',
    `the WAL is of cluster ${data.wal.clusterId}, this node belongs to ${me.clusterId}: look at it, then move it away yourself`,
  );
}

/**
 * Preconditions: the WAL's member is in a linearizable list with exactly this node's peer URLs, though another is
 * remembered: somebody has replaced the member by hand. A copy of another node's data has that node's URLs.
 */
function adoptMember({ data, me, cluster }: Picture): HealOutcome {
  if (data.wal.kind !== 'present' || data.wal.memberId === me.memberId) return nothing;
  const { memberId } = data.wal;
  if (cluster.kind === 'unknown')
    return hold(
      'adoptMember',
      `the WAL is of member ${memberId}, remembered is ${me.memberId}; ${cluster.why}`,
    );
  const entry = cluster.members.find(({ id }) => id === memberId);
  if (entry === undefined) return nothing;
  const same = [...entry.peerURLs].sort().join() === [...me.peerURLs].sort().join();
  return same
    ? step(
        'adoptMember',
        { kind: 'adoptMember', id: memberId },
        `member ${memberId} has this node's peer URLs in the list`,
      )
    : hold(
        'adoptMember',
        `the WAL is of member ${memberId}, which is ${entry.node || entry.name}: a copy of that node's data is not started here`,
      );
}

/** The address that the cluster knows this node by is not on this host: it may be a clone. */
function wrongAddress(picture: Picture): HealOutcome {
  if (picture.me.addressHere) return nothing;
  const reason = `${picture.me.peerURLs.join(', ')} is no address of this host: it may be a clone, or its address has changed`;
  return runs(picture) ? report('wrongAddress', reason) : hold('wrongAddress', reason);
}

/** Preconditions: the agent's copies are whole, and etcd.conf or a PEM file under /etc/etcd is not what they say. */
function restoreFiles(picture: Picture): HealOutcome {
  const { files } = picture;
  if (files.kind === 'damaged')
    return step(
      'restoreFiles',
      { kind: 'restoreFiles' },
      `${files.which.join(', ')} differ from what the agent keeps`,
    );
  if (files.kind === 'intact') return nothing;
  return runs(picture) ? report('restoreFiles', files.why) : hold('restoreFiles', files.why);
}

/** Agents that have not answered after this long are not waited for. */
const askMsMax = 5_000;
const backoffMsMax = 60_000;

/**
 * Preconditions: a WAL of this node's member; etcd is down and nobody starts it; its disk was compared with what others
 * remember and is not behind. Stopped by hand: after the waiting time; disabled or masked: never.
 */
function startEtcd(picture: Picture): HealOutcome {
  const { service, data, disk, policy, peers } = picture;
  if (data.wal.kind !== 'present' || !isStopped(picture)) return nothing;
  if (data.wal.memberId !== picture.me.memberId)
    return hold('startEtcd', `the WAL is of member ${data.wal.memberId}, which is in no list of the cluster`);
  if (service.kind === 'missing') return hold('startEtcd', 'there is no etcd service on this host');
  if (service.kind === 'masked' || service.enabled === 'no')
    return hold(
      'startEtcd',
      `etcd is ${service.kind === 'masked' ? 'masked' : 'disabled'}: somebody wants it down`,
    );
  const byHand = service.kind === 'inactive' && /^(success|stopped)$/.test(service.detail);
  if (byHand && service.forMs < policy.stoppedMs)
    return hold(
      'startEtcd',
      `stopped by hand; started again in ${seconds(policy.stoppedMs - service.forMs)}`,
      {
        forMs: service.forMs,
      },
    );
  const waitMs =
    service.failedStarts === 0 ? 0 : Math.min(1_000 * 2 ** (service.failedStarts - 1), backoffMsMax);
  if (service.forMs < waitMs)
    return hold(
      'startEtcd',
      `start ${service.failedStarts + 1} in ${seconds(waitMs - service.forMs)}: ${picture.ends.text.slice(0, 200)}`,
    );
  if (disk.kind === 'notChecked')
    return step(
      'startEtcd',
      { kind: 'checkDisk' },
      'where its WAL ends is compared with what others remember',
    );
  if (disk.asked === 0 && peers.length > 0 && disk.forMs < askMsMax)
    return hold('startEtcd', `asking the other agents where this member was; ${disk.why}`);
  const alone = disk.asked === 0 && peers.length > 0 ? '; no other agent could be asked' : '';
  return step('startEtcd', { kind: 'startEtcd' }, `its data is intact (${disk.why})${alone}`, {
    asked: disk.asked,
  });
}

/** Disks that are waited for most of the time explain an etcd that does not answer. */
const ioPressureMax = 60;

/**
 * Preconditions: etcd runs, for long enough, and has not answered for long enough; the disk does not explain it; the others
 * have a quorum without it.
 */
function unhang(picture: Picture): HealOutcome {
  const { held, policy, service, cluster, me } = picture;
  const silentMs = held.silent ?? 0;
  if (silentMs === 0 || service.upMs < policy.hangUptimeMs) return nothing;
  const evidence = { silentMs, upMs: service.upMs, ioPressure: me.ioPressure ?? -1 };
  const waits = (why: string) =>
    report('unhang', `etcd runs and does not answer, for ${seconds(silentMs)}; ${why}`, evidence);
  if (silentMs < policy.hangMs) return waits(`restarted after ${seconds(policy.hangMs)}`);
  if ((me.ioPressure ?? 0) > ioPressureMax)
    return waits(`its disk is waited for ${me.ioPressure} % of the time`);
  if (cluster.kind === 'unknown') return waits(cluster.why);
  const guard = guardLosing(cluster, myId(picture));
  if (!guard.ok) return waits(guard.reason);
  return step('unhang', { kind: 'restartEtcd' }, `etcd has not answered for ${seconds(silentMs)}`, evidence);
}

/**
 * Preconditions: no repair is under way, and this node's own member has been a learner for the waiting time of a removal:
 * whoever added it, by hand perhaps, does not promote it.
 */
function promoteLearner({ cluster, own, held, policy }: Picture): HealOutcome {
  const learnerMs = held.ownLearner ?? 0;
  if (cluster.kind === 'unknown' || own.kind !== 'answers' || learnerMs === 0) return nothing;
  const guard = guardPromote(cluster, own.memberId);
  if (learnerMs < policy.removedMs || !guard.ok)
    return report(
      'promoteLearner',
      `this member is a learner; promoted after ${seconds(policy.removedMs)}; ${guard.reason}`,
      { learnerMs },
    );
  return step('promoteLearner', { kind: 'promote', id: own.memberId }, guard.reason, { learnerMs });
}

/** Preconditions: a CORRUPT alarm is armed and the hashes of all voters are equal; this node is the one to do it. */
function disarmCorrupt(picture: Picture): HealOutcome {
  const { cluster, hashes } = picture;
  if (cluster.kind === 'unknown') return nothing;
  const alarms = cluster.alarms.filter(({ type }) => type === 'CORRUPT');
  if (alarms.length === 0) return nothing;
  if (hashes.kind === 'unclear') return report('disarmCorrupt', `a CORRUPT alarm is armed; ${hashes.why}`);
  if (hashes.kind !== 'equal' || !isFirstHealthyVoter(picture)) return nothing;
  return step(
    'disarmCorrupt',
    { kind: 'disarm', alarms },
    `the keys of all ${hashes.voters} voters are equal again`,
  );
}

/** Preconditions: an entry that is no voter at work, of a node that nobody hears of, for the waiting time; losing it costs nothing. */
function removeOrphan(picture: Picture): HealOutcome {
  const { cluster, held, policy } = picture;
  if (cluster.kind === 'unknown') return nothing;
  const orphan = cluster.members.find(({ id }) => (held[`orphan:${id}`] ?? 0) > 0);
  if (orphan === undefined) return nothing;
  const silentMs = held[`orphan:${orphan.id}`] ?? 0;
  const what = `entry ${orphan.id} of ${orphan.node || 'an unknown node'} (${orphan.started ? orphan.role : 'unstarted'}) belongs to a node that nobody hears of, for ${seconds(silentMs)}`;
  if (silentMs < policy.orphanMs)
    return report('removeOrphan', `${what}; removed after ${seconds(policy.orphanMs)}`, { silentMs });
  if (!isFirstHealthyVoter(picture)) return nothing;
  const guard = guardLosing(cluster, orphan.id);
  return guard.ok
    ? step('removeOrphan', { kind: 'removeOrphan', id: orphan.id }, what, { silentMs })
    : report('removeOrphan', `${what}; ${guard.reason}`, { silentMs });
}

/** One agent is enough for what concerns the cluster: that of the lowest-named healthy voter. */
function isFirstHealthyVoter({ cluster, me }: Picture): boolean {
  if (cluster.kind === 'unknown') return false;
  const names = cluster.members
    .filter(({ id, role }) => role === 'voter' && cluster.healthy.includes(id))
    .map(({ node }) => node)
    .sort();
  return names[0] === me.node;
}

function quorumLost(picture: Picture): HealOutcome {
  const { cluster, data } = picture;
  if (cluster.kind === 'known' || !data.begun) return nothing;
  return report(
    'quorumLost',
    `no linearizable read succeeds: ${cluster.why}; nothing but starting etcd on its own intact data is done`,
    {
      answering: cluster.answering,
    },
  );
}

function noSpace({ cluster }: Picture): HealOutcome {
  if (cluster.kind === 'unknown') return nothing;
  const full = cluster.alarms.filter(({ type }) => type === 'NOSPACE');
  if (full.length === 0) return nothing;
  return report(
    'noSpace',
    `NOSPACE is armed by ${full.map(({ memberId }) => memberId).join(', ')}: compact, defragment each member, then disarm; a member is not replaced for it`,
  );
}

function hostSilent({ peers, cluster }: Picture): HealOutcome {
  if (cluster.kind === 'unknown') return nothing;
  const silent = peers.filter(
    (peer) =>
      peer.kind === 'silent' &&
      cluster.members.some(({ node, id }) => node === peer.node && !cluster.healthy.includes(id)),
  );
  if (silent.length === 0) return nothing;
  const names = silent.map((peer) =>
    peer.kind === 'silent' ? `${peer.node} (${seconds(peer.forMs)})` : peer.node,
  );
  const voters = cluster.members.filter(({ role }) => role === 'voter').length;
  return report(
    'hostSilent',
    `neither agent nor etcd of ${names.join(', ')} answers: it is not removed for being silent`,
    {
      silent: silent.length,
      quorum: quorum(voters),
    },
  );
}
