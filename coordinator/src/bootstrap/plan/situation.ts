/** What a bootstrap is planned from: the record, and every node as it was found. Plain JSON. */
import type { NodeSnapshot } from '@etcd-agent/protocol';
import type { BootstrapRecord } from '../../state/records.js';
import type { NodePlace } from '../../topology/places.js';

/** A node as it was found. */
export type NodeSituation = { readonly place: NodePlace } & (
  | { readonly kind: 'linked'; readonly snapshot: NodeSnapshot; readonly generation: number }
  /** A token is out for it and it has no identity yet. */
  | { readonly kind: 'toEnrol' }
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
}

/** Why a bootstrap must not go on. */
export interface Refusal {
  readonly node: string | undefined;
  readonly what: string;
  readonly next: string;
}
