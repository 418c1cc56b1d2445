/** What a bootstrap is planned from: the record, and every node as it was found. Plain JSON. */
import type { NodeSnapshot } from '@etcd-agent/protocol';
import type { BootstrapRecord } from '../../state/records.js';
import type { NodePlace } from '../../topology/places.js';

/** A node as it was found. */
export type NodeSituation = { readonly place: NodePlace } & (
  | { readonly kind: 'linked'; readonly snapshot: NodeSnapshot; readonly generation: number }
  /** A token is out for it and it has no identity yet. */
  | { readonly kind: 'toEnrol' }
  /** Its member was removed on purpose, and its agent does not answer: nothing is asked of it. */
  | { readonly kind: 'absent' }
);

export interface Situation {
  readonly nodes: readonly NodeSituation[];
  readonly record: BootstrapRecord | undefined;
  /** Give the recorded bootstrap up and begin anew. */
  readonly reset: boolean;
  /** The specs that follow from topology and record differ from those of the recorded generation. */
  readonly specsDiffer: boolean;
  /** And that is not only because a node was enrolled again. */
  readonly settingsDiffer: boolean;
  /** Enough members answer for a quorum. Asked where a reset is wanted. */
  readonly quorumAnswers: boolean;
  /** Names of members that the running part of the cluster lists as started at some time. */
  readonly everStarted: readonly string[];
  /** Nodes on which another etcd is to be installed; undefined where the topology leaves etcd to the hosts. */
  readonly toInstall: readonly string[] | undefined;
}

/** Why a bootstrap must not go on. */
export interface Refusal {
  readonly node: string | undefined;
  readonly what: string;
  readonly next: string;
}

/** Nodes that the cluster is to have: not those whose member an operator removed on purpose. */
export function wantedNodes({
  nodes,
  record,
}: Pick<Situation, 'nodes' | 'record'>): readonly NodeSituation[] {
  return nodes.filter(({ place }) => record?.unwanted.includes(place.name) !== true);
}

/** A reinstalled host that has nothing yet: its agent takes the former member's place by itself, nobody starts it empty. */
export function isToRejoin(node: NodeSituation, record: BootstrapRecord): boolean {
  return (
    record.replaces.some(({ node: name }) => name === node.place.name) && !hasData(node) && !isRunning(node)
  );
}

export function hasData(node: NodeSituation): boolean {
  return (
    node.kind === 'linked' &&
    node.snapshot.dataDir.kind === 'ours' &&
    node.snapshot.dataDir.wal.kind === 'present'
  );
}

export function isRunning(node: NodeSituation): boolean {
  return node.kind === 'linked' && ['active', 'activating'].includes(node.snapshot.service.kind);
}
