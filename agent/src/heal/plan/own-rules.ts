/**
 * The rules over this node's own etcd, its data and its files, but for its replacement: what is started, restarted, restored,
 * and what is not touched.
 */
import { isAlone, isStopped, myId, runs, stoppedByHand, unasked } from './conditions.js';
import { guardLosing, guardPromote, seconds } from './guards.js';
import type { Picture } from './picture.js';
import { type HealOutcome, hold, nothing, report, step } from './step.js';

/** How old a comparison of the disk with what others remember may be. */
const comparedMsMax = 10_000;
/** For how long another agent that answers is waited for where the others have a quorum: what counts is with them. */
const askMsMax = 5_000;
/**
 * The same where nobody has one. This etcd could be what makes it: on an older disk, with a member that lacks the last writes,
 * it would take them back. Hosts that lost power together come back minutes apart; that agents are not heard any more at all must
 * not keep a cluster down for good.
 */
const unaskedMsMax = 5 * 60_000;
/** Where some answer, which may all have been away when the last writes were made, it is waited no longer than this for the rest. */
const someUnaskedMsMax = 60_000;
const backoffMsMax = 60_000;
/** Disks that are waited for most of the time explain an etcd that does not answer. */
const ioPressureMax = 60;
/** How often the uptime that a hanging etcd is given doubles: half an hour where it is a minute. */
const hangDoublingsMax = 5;

/** The WAL is of another cluster: whatever it is, it is not ours to start or to move. */
export function foreignData({ data, me }: Picture): HealOutcome {
  if (data.wal.kind !== 'present' || data.wal.clusterId === me.clusterId) return nothing;
  if (me.former.includes(data.wal.clusterId)) return nothing;
  return hold(
    'foreignData',
    `the WAL is of cluster ${data.wal.clusterId}, this node belongs to ${me.clusterId}: look at it, then move it away yourself`,
  );
}

/**
 * Preconditions: the WAL's member is in a linearizable list with exactly this node's peer URLs, though another is
 * remembered: somebody has replaced the member by hand. A copy of another node's data has that node's URLs.
 */
export function adoptMember({ data, me, cluster }: Picture): HealOutcome {
  if (data.wal.kind !== 'present' || data.wal.memberId === me.memberId) return nothing;
  if (data.wal.clusterId !== me.clusterId) return nothing;
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
export function wrongAddress(picture: Picture): HealOutcome {
  if (picture.me.addressHere) return nothing;
  const reason = `${picture.me.peerURLs.join(', ')} is no address of this host: it may be a clone, or its address has changed`;
  return runs(picture) ? report('wrongAddress', reason) : hold('wrongAddress', reason);
}

/** Preconditions: the agent's copies are whole, and etcd.conf or a PEM file under /etc/etcd is not what they say. */
export function restoreFiles(picture: Picture): HealOutcome {
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

/**
 * Preconditions: a WAL of this node's member; etcd is down and nobody starts it; its disk was compared with what others
 * remember and is not behind; enough others were asked, or waited for. Stopped by hand: after the waiting time; disabled or masked: never.
 */
export function startEtcd(picture: Picture): HealOutcome {
  const { service, data, policy } = picture;
  if (data.kind === 'unknown' && data.begun) {
    const reason = `the data dir cannot be looked at, which does not mean that it is empty: ${data.why}`;
    return runs(picture) ? report('startEtcd', reason) : hold('startEtcd', reason);
  }
  // A WAL whose head cannot be read is etcd's to judge: it says so as it ends, and that is evidence.
  const damaged = data.wal.kind === 'unreadable' && data.begunHere;
  if (!isStopped(picture) || (data.wal.kind !== 'present' && !damaged)) return nothing;
  if (data.wal.kind === 'present' && data.wal.memberId !== picture.me.memberId)
    return hold('startEtcd', `the WAL is of member ${data.wal.memberId}, which is in no list of the cluster`);
  if (service.kind === 'missing') return hold('startEtcd', 'there is no etcd service on this host');
  if (service.kind === 'masked' || service.enabled === 'no')
    return hold(
      'startEtcd',
      `etcd is ${service.kind === 'masked' ? 'masked' : 'disabled'}: somebody wants it down`,
    );
  if (stoppedByHand(picture) && service.forMs < policy.stoppedMs)
    return hold(
      'startEtcd',
      `stopped by hand; started again in ${seconds(policy.stoppedMs - service.forMs)}`,
      {
        forMs: service.forMs,
      },
    );
  return startChecked('startEtcd', picture);
}

/**
 * A start after the waiting time of former ones that did not last, and after the disk was compared, a moment ago, with what
 * others remember, or they were waited for. Preconditions: etcd is down, and its data is of this node's member.
 */
export function startChecked(rule: string, picture: Picture): HealOutcome {
  const { service, disk, peers } = picture;
  const waitMs =
    service.failedStarts === 0 ? 0 : Math.min(1_000 * 2 ** (service.failedStarts - 1), backoffMsMax);
  if (service.forMs < waitMs)
    return hold(
      rule,
      `start ${service.failedStarts + 1} in ${seconds(waitMs - service.forMs)}: ${picture.ends.text.slice(0, 200)}`,
    );
  if (disk.kind === 'notChecked' || disk.forMs > comparedMsMax)
    return step(rule, { kind: 'checkDisk' }, 'where its WAL ends is compared with what others remember');
  if (disk.behind) return hold(rule, `${disk.why}, which is behind what others remember`);
  const asks = asksOn(picture);
  if (asks !== undefined)
    return hold(
      rule,
      `asking the other agents where this member was: ${asks.why}; started all the same in ${seconds(asks.forMs)}; ${disk.why}`,
      Object.fromEntries(
        peers.flatMap((peer) => (peer.kind === 'silent' ? [[peer.node, peer.why.slice(0, 200)]] : [])),
      ),
    );
  const found =
    disk.position === undefined
      ? `${disk.why}: etcd says itself what is wrong with it`
      : `its data is intact: ${disk.why}`;
  return step(rule, { kind: 'startEtcd' }, `${found}${notAsked(picture)}`, {
    asked: peers.filter(({ kind }) => kind === 'up').length,
  });
}

/** For how long other agents are waited for yet that could say where this member was, and why; undefined: enough were asked. */
function asksOn(picture: Picture): { readonly forMs: number; readonly why: string } | undefined {
  const { cluster, held } = picture;
  const wait = (forMs: number, why: string) => (forMs > 0 ? { forMs, why } : undefined);
  const alone = isAlone(picture);
  if (cluster.kind === 'known') return alone ? wait(askMsMax - (held.alone ?? 0), 'none answers') : undefined;
  const silent = unasked(picture);
  if (silent.length === 0) return undefined;
  // In all, so that agents that come and go do not begin it anew.
  const inAllMs = unaskedMsMax - (held.unasked ?? 0);
  if (alone) return wait(inAllMs, 'none answers, and no quorum is seen');
  return wait(
    Math.min(someUnaskedMsMax - (held.someUnasked ?? 0), inAllMs),
    `no quorum is seen; the last one may have been this node with ${namesOf(silent)}, not heard yet`,
  );
}

/** Who could not be asked, for the record. */
function notAsked(picture: Picture): string {
  const { cluster, held } = picture;
  const seesQuorum = cluster.kind === 'known';
  if (isAlone(picture))
    return `; no other agent could be asked for ${seconds((seesQuorum ? held.alone : held.unasked) ?? 0)}`;
  const silent = seesQuorum ? [] : unasked(picture);
  return silent.length === 0
    ? ''
    : `; ${namesOf(silent)} could not be asked for ${seconds(held.unasked ?? 0)}`;
}

function namesOf(peers: Picture['peers']): string {
  return peers.map(({ node }) => node).join(', ');
}

/**
 * Preconditions: etcd runs, for long enough, twice as long after each restart that was in vain, and has not answered for long
 * enough; the disk does not explain it; the others
 * have a quorum without it.
 */
export function unhang(picture: Picture): HealOutcome {
  const { held, policy, service, cluster, me } = picture;
  const silentMs = held.silent ?? 0;
  // One that reads a long log back at its start must get to the end of it some day.
  const uptimeMs = policy.hangUptimeMs * 2 ** Math.min(service.vainRestarts, hangDoublingsMax);
  if (silentMs === 0 || service.upMs < policy.hangUptimeMs) return nothing;
  const seesIt = picture.peers.find(
    (peer) =>
      peer.kind === 'up' && peer.view.sights.some(({ node, etcd }) => node === me.node && etcd === 'healthy'),
  );
  const evidence = { silentMs, upMs: service.upMs, ioPressure: me.ioPressure ?? -1 };
  const waits = (why: string) =>
    report('unhang', `etcd runs and does not answer, for ${seconds(silentMs)}; ${why}`, evidence);
  if (silentMs < policy.hangMs) return waits(`restarted after ${seconds(policy.hangMs)}`);
  if (service.upMs < uptimeMs)
    return waits(
      `it has not answered since it was restarted: left alone until it has run for ${seconds(uptimeMs)}`,
    );
  if (seesIt !== undefined) return waits(`${seesIt.node} sees it healthy: look at the way from here to it`);
  if (picture.data.busy !== '') return waits(`${picture.data.busy} says that it is at work on its database`);
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
export function promoteLearner({ cluster, own, held, policy }: Picture): HealOutcome {
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
