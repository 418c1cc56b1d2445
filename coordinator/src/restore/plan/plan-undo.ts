/**
 * Whether a restore can be taken back: what it has moved aside must be there, on enough nodes for a quorum, and be more than what
 * a repair had begun there. Pure.
 */
import { quorum } from '@etcd-agent/etcd';
import type { Refusal } from './plan-restore.js';

/** A node as it was found before a restore is taken back. */
export type UndoNode = { readonly name: string } & (
  | { readonly kind: 'silent'; readonly why: string }
  | {
      readonly kind: 'linked';
      /** Cluster of what the restore has moved aside here; null: nothing that has a WAL. */
      readonly quarantined: string | null;
      /** Cluster of what is in its data dir now; null: none that can be read. */
      readonly data: string | null;
      /** A repair of its former member had not ended: it has data, and perhaps no vote. */
      readonly repairing: boolean;
      readonly fileSystem: 'same' | 'other' | 'neverSeen';
      /** The revision that its etcd tells now; undefined: it does not answer. */
      readonly revision: string | undefined;
    }
);

export interface UndoFacts {
  readonly nodes: readonly UndoNode[];
  readonly without: readonly string[];
  readonly former: {
    readonly clusterId: string;
    readonly members: readonly string[];
    readonly unwanted: readonly string[];
  };
  /** The restore itself has not ended. */
  readonly unfinished: boolean;
}

export type UndoPlan =
  | { readonly kind: 'refuse'; readonly refusals: readonly Refusal[] }
  | {
      readonly kind: 'undo';
      /** Those that take part, and those of them that have data of the former cluster. */
      readonly nodes: readonly string[];
      readonly bearers: readonly string[];
      readonly losses: readonly string[];
      readonly steps: readonly string[];
    };

export function planUndo({ nodes, without, former, unfinished }: UndoFacts): UndoPlan {
  const wanted = nodes.filter(({ name }) => !without.includes(name) && !former.unwanted.includes(name));
  const refusals: Refusal[] = wanted.flatMap((node) => {
    if (node.kind === 'silent')
      return [
        {
          what: `the agent of ${node.name} is not reached: ${node.why}`,
          next: `bring ${node.name} back; or go on without it, and it rejoins later: --without ${node.name}`,
        },
      ];
    return node.fileSystem === 'other'
      ? [
          {
            what: `${node.name}: another file system than before is under its data dir: it may be an unmounted volume`,
            next: `mount it; or, if this is the right one: coordinator node accept-disk ${node.name}`,
          },
        ]
      : [];
  });
  const bearers = wanted.filter(
    (node) => node.kind === 'linked' && [node.quarantined, node.data].includes(former.clusterId),
  );
  const members = former.members.filter((name) => !former.unwanted.includes(name));
  const needed = quorum(members.length);
  const half = bearers.filter((node) => node.kind === 'linked' && node.repairing).map(({ name }) => name);
  const voting = bearers.length - half.length;
  if (refusals.length === 0 && voting < needed)
    refusals.push({
      what: `data of the former cluster ${former.clusterId} is on ${voting} of its ${members.length} nodes${half.length === 0 ? '' : ` (${half.join(', ')} was being repaired, and may have no vote)`}, and ${needed} are needed for a quorum`,
      next: 'what was moved aside is gone on the others: a snapshot is what is left (coordinator snapshot list; coordinator restore FILE)',
    });
  if (refusals.length > 0) return { kind: 'refuse', refusals };
  const names = wanted.map(({ name }) => name);
  const bearing = bearers.map(({ name }) => name);
  return {
    kind: 'undo',
    nodes: names,
    bearers: bearing,
    losses: wanted.flatMap((node) =>
      node.kind === 'linked' && node.revision !== undefined && node.data !== former.clusterId
        ? [
            `${node.name} is at revision ${node.revision} of the restored cluster: what was written since the restore is moved aside`,
          ]
        : [],
    ),
    steps: [
      `hold every agent: nothing is started or repaired on ${names.join(', ')} but by this`,
      unfinished
        ? `stop etcd; move what the unfinished restore has put there aside; put the former data back on ${bearing.join(', ')}`
        : `stop etcd and move the restored data aside; put the former data back on ${bearing.join(', ')}`,
      `start etcd on ${bearing.join(', ')} and write through each`,
      ...(names.length === bearing.length
        ? []
        : [
            `${names.filter((name) => !bearing.includes(name)).join(', ')} rejoin by themselves: they have none of the former data`,
          ]),
    ],
  };
}
