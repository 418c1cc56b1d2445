/** What a recovery is decided from: every wanted node's word on its disk, or that there is none. Plain values. */
import type { DiskReport } from '@etcd-agent/protocol';

export type NodeSeen = { readonly name: string } & (
  | { readonly kind: 'reported'; readonly report: DiskReport }
  /** `etcdAnswers`: its agent is silent, and its etcd was reached all the same. */
  | { readonly kind: 'silent'; readonly why: string; readonly etcdAnswers: boolean }
);

export interface Situation {
  readonly cluster: { readonly name: string; readonly clusterId: string };
  /** The nodes that the cluster should have. */
  readonly nodes: readonly NodeSeen[];
  /** Nodes through whose etcd a linearizable read of this coordinator went. */
  readonly reads: readonly string[];
  /** Nodes that a person gives up: they are silent, and their data counts for nothing. */
  readonly givenUp: readonly string[];
  /** The survivor that a person wants instead of the recommended one. */
  readonly from: string | undefined;
}
