/**
 * The rules over what an operator does with the cluster as a whole: another one in its place, by a bootstrap, a restore or a
 * recovery. Two must never serve beside each other, and while it is being done nobody else acts.
 */
import { formerWords, hasFormerData, isStopped } from './conditions.js';
import type { Picture } from './picture.js';
import { type HealOutcome, hold, nothing, step } from './step.js';

/**
 * A peer's agent was told of another cluster by a newer generation: this etcd must not serve beside that one. Its data stays.
 * That it was seen is written down even where etcd is stopped already: whoever told of it may be silent when this is asked again.
 */
export function fence(picture: Picture): HealOutcome {
  const { peers, me, fencedBy } = picture;
  const newer = peers.find(
    (peer) =>
      peer.kind === 'up' &&
      peer.view.generation > me.generation &&
      peer.view.clusterId !== null &&
      peer.view.clusterId !== me.clusterId,
  );
  if (newer?.kind !== 'up') {
    if (fencedBy === undefined || fencedBy <= me.generation) return nothing;
    const seen = `generation ${fencedBy} of another cluster was seen`;
    return isStopped(picture)
      ? hold('fence', `${seen}: waiting for the coordinator`)
      : step('fence', { kind: 'stopEtcd' }, seen, { generation: fencedBy });
  }
  const { generation, clusterId } = newer.view;
  const why = `${newer.node} has generation ${generation} of cluster ${clusterId}, this node ${me.generation} of ${me.clusterId}`;
  return isStopped(picture) && fencedBy === generation
    ? hold('fence', `${why}: waiting for the coordinator`)
    : step('fence', { kind: 'stopEtcd' }, why, { generation });
}

/** An operator is putting other data in the place of the cluster's: whatever is seen meanwhile is its doing. */
export function operation({ me: { heldBy } }: Picture): HealOutcome {
  if (heldBy === undefined) return nothing;
  return hold(
    'operation',
    `operation ${heldBy.operation} is under way, and nothing else is done until it has ended: ${heldBy.command}`,
  );
}

/** Preconditions: etcd runs on data of a cluster that an operator has given up since; its data stays. */
export function stopFormer(picture: Picture): HealOutcome {
  if (!hasFormerData(picture) || isStopped(picture)) return nothing;
  return step('stopFormer', { kind: 'stopEtcd' }, formerWords(picture));
}
