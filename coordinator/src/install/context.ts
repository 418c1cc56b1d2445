/** What installing on every host has in common. */
import type { Cluster } from '../cluster/open-cluster.js';
import type { ReachOptions } from '../link/reach-node.js';
import type { NodePlace } from '../topology/places.js';
import type { Wish } from './plan/plan.js';
import type { SshHost, SshSettings } from './ssh.js';

/** A node, and where ssh reaches its host. */
export interface Target {
  readonly place: NodePlace;
  readonly host: SshHost;
}

export interface InstallContext {
  readonly cluster: Cluster;
  readonly settings: SshSettings;
  readonly source: Wish['source'];
  /** Names what this cluster's coordinator leaves on a host for a while. */
  readonly tag: string;
  readonly bootstrapped: boolean;
  readonly reach: ReachOptions;
  readonly signal: AbortSignal;
  /** Progress, a few words. */
  tell(place: NodePlace, doing: string): void;
}
