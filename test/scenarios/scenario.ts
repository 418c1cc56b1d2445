/**
 * What can happen to a cluster and how it must end, as data. A scenario is written once and run in every world that can
 * make its faults; each world says how it does (`worlds/<world>/`).
 */

/**
 * Whom a fault hits. Roles are those of the moment before the first fault and keep their nodes through the whole
 * scenario: `follower` is the first follower by name, `secondFollower` the next. `coordinator` is its host, for the network only.
 */
export type Target = 'leader' | 'follower' | 'secondFollower' | 'all' | 'coordinator' | `etcd${number}`;

export type Fault =
  /** SIGKILL for etcd. */
  | { readonly kind: 'kill'; readonly on: Target }
  /** SIGSTOP for etcd. */
  | { readonly kind: 'hang'; readonly on: Target }
  /** A person stops the service. */
  | { readonly kind: 'stopByHand'; readonly on: Target }
  /** Everything in the data dir is deleted, under a running etcd or after killing it. */
  | { readonly kind: 'wipe'; readonly on: Target; readonly etcd: 'running' | 'killed' }
  /** etcd is killed, and bytes in the middle of its WAL are changed. */
  | { readonly kind: 'corruptWal'; readonly on: Target }
  /** etcd is killed, and its database file is cut to half. */
  | { readonly kind: 'truncateBolt'; readonly on: Target }
  /** A copy of the disk is taken, for a later `rollBack` or `putBack`. */
  | { readonly kind: 'copyDisk'; readonly on: Target }
  /** The host loses power and comes back with the copy. */
  | { readonly kind: 'rollBack'; readonly on: Target }
  /** Somebody stops etcd, puts the copy in its place and starts it, all in one moment. */
  | { readonly kind: 'putBack'; readonly on: Target }
  /** Somebody runs `etcdctl member remove`. */
  | { readonly kind: 'removeMember'; readonly on: Target }
  /** An operator asks for the member to be replaced: `coordinator member replace`. */
  | { readonly kind: 'replaceMember'; readonly on: Target }
  /** Somebody adds an entry for a host that never comes. */
  | { readonly kind: 'addForNobody' }
  /** etcd is killed, and in the data dir is then the data of another cluster. */
  | { readonly kind: 'foreignData'; readonly on: Target }
  /** The host loses power and comes back without the address that the cluster knows it by. */
  | { readonly kind: 'loseAddress'; readonly on: Target; readonly forMs: number }
  /** It has that address again. */
  | { readonly kind: 'regainAddress'; readonly on: Target }
  /** The host is installed anew and enrolled with `token NODE --replace`; it comes back `forMs` later. */
  | { readonly kind: 'reinstall'; readonly on: Target; readonly forMs: number }
  /** /etc/etcd is deleted and etcd killed. */
  | { readonly kind: 'loseConf'; readonly on: Target }
  /** etcd is killed and a new, empty file system is mounted over the data dir. */
  | { readonly kind: 'newDisk'; readonly on: Target }
  /** A person says that the new disk is the right one. */
  | { readonly kind: 'acceptDisk'; readonly on: Target }
  | { readonly kind: 'raiseNospace'; readonly on: Target }
  /** A person has made room, and disarms NOSPACE through that member. */
  | { readonly kind: 'makeRoom'; readonly on: Target }
  /** A key is changed behind etcd's back in this member's store, and the CORRUPT alarm is raised. */
  | { readonly kind: 'diverge'; readonly on: Target }
  /** No packet goes between the two groups; with `oneWay` only from the first to the second. */
  | {
      readonly kind: 'partition';
      readonly from: readonly Target[];
      readonly to: readonly Target[];
      readonly oneWay: boolean;
    }
  /** The host is cut off from everybody. */
  | { readonly kind: 'silence'; readonly on: Target }
  /** Every cut in the network is mended. */
  | { readonly kind: 'mendNetwork' }
  /** The host loses power; it comes back `forMs` later. */
  | { readonly kind: 'powerCut'; readonly on: Target; readonly forMs: number }
  /** SIGKILL for the agent; its service manager starts it again `forMs` later. */
  | { readonly kind: 'killAgent'; readonly on: Target; readonly forMs: number }
  /** SIGSTOP for the agent, and SIGCONT `forMs` later. */
  | { readonly kind: 'stopAgent'; readonly on: Target; readonly forMs: number }
  /** A person does by hand what a repair does: stop, remove, move the data, add, start. */
  | { readonly kind: 'repairByHand'; readonly on: Target }
  | { readonly kind: 'pause'; readonly on: Target; readonly forMs: number }
  | { readonly kind: 'resume'; readonly on: Target }
  /**
   * An operator puts a snapshot of this moment in the place of all data, and runs what is said where a command fails, until it has
   * ended. `from`: whose data the snapshot has, where there is no quorum any more: a recovery.
   */
  | { readonly kind: 'restore'; readonly without?: readonly Target[]; readonly from?: Target }
  /** That is taken back, whether it has ended or not. */
  | { readonly kind: 'undoRestore'; readonly without?: readonly Target[] }
  /** Nodes that were away are told: `coordinator restore --resume`, until all are. */
  | { readonly kind: 'resumeRestore' }
  /** SIGKILL for the coordinator's command; the operator goes on `forMs` later. */
  | { readonly kind: 'killCoordinator'; readonly forMs: number };

export type FaultKind = Fault['kind'];

/** `atMs`: since the cluster was healthy and a minute old. */
export type TimedFault = { readonly atMs: number; readonly fault: Fault };

export type Ending =
  /**
   * Every node is a healthy voter of a cluster that takes writes, within `withinMs` of the last fault. `anew`: this node by
   * another member than before.
   */
  | { readonly kind: 'healed'; readonly withinMs: number; readonly anew?: Target }
  /** The node does nothing until a person does, and names the rule; nothing is lost meanwhile. */
  | { readonly kind: 'waits'; readonly on: Target; readonly rule: string }
  /** Without quorum: no agent changes anything, for ten minutes. */
  | { readonly kind: 'quiet' };

export interface Scenario {
  /** Situation and outcome, as an operator would say it. */
  readonly name: string;
  readonly nodes: 3 | 5;
  readonly faults: readonly TimedFault[];
  readonly ends: Ending;
  /** A cluster of one grows by learners only: agents add no voter that would take its quorum away. */
  readonly needsLearners?: true;
  /** Acknowledged writes may be lost by the faults themselves, whoever heals. */
  readonly losesWrites?: true;
}
