/** The rules over what concerns the cluster as a whole: alarms, orphaned entries, and what is only reported. */
import { quorum } from '@etcd-agent/etcd';
import { guardLosing, seconds } from './guards.js';
import type { Picture } from './picture.js';
import { type HealOutcome, nothing, report, step } from './step.js';

/** Preconditions: a CORRUPT alarm is armed and the hashes of all voters are equal; this node is the one to do it. */
export function disarmCorrupt(picture: Picture): HealOutcome {
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
export function removeOrphan(picture: Picture): HealOutcome {
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

/** One agent is enough for what concerns the cluster: of the healthy voters whose agents act, the lowest-named one's. */
function isFirstHealthyVoter({ cluster, me, peers }: Picture): boolean {
  if (cluster.kind === 'unknown') return false;
  const acting = [
    me.node,
    ...peers.filter((peer) => peer.kind === 'up' && !peer.view.paused).map(({ node }) => node),
  ];
  const names = cluster.members
    .filter(({ id, role }) => role === 'voter' && cluster.healthy.includes(id))
    .map(({ node }) => node)
    .filter((node) => acting.includes(node))
    .sort();
  return names[0] === me.node;
}

export function quorumLost(picture: Picture): HealOutcome {
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

export function noSpace({ cluster }: Picture): HealOutcome {
  if (cluster.kind === 'unknown') return nothing;
  const full = cluster.alarms.filter(({ type }) => type === 'NOSPACE');
  if (full.length === 0) return nothing;
  return report(
    'noSpace',
    `NOSPACE is armed by ${full.map(({ memberId }) => memberId).join(', ')}: compact, defragment each member, then disarm; a member is not replaced for it`,
  );
}

export function hostSilent({ peers, cluster }: Picture): HealOutcome {
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
