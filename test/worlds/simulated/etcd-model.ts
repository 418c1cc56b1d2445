/**
 * The etcd of the simulated world. This file is what the rest of the world sees of it.
 */
import type { ClusterId, EtcdAdmin, EtcdConfSettings, MemberId } from '@etcd-agent/etcd';
import type { ExitCause } from '@etcd-agent/platform';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import { simulatedAdmin } from './etcd-admin.js';
import type { AlarmType, EtcdDisk, LogEntry } from './etcd-disk.js';
import { SimEtcd } from './etcd-process.js';
import { EtcdWorld } from './etcd-world.js';
import type { SimNetwork } from './network.js';

/** What a process is started with: the part of etcd.conf that the model heeds. */
export type EtcdConf = Pick<
  EtcdConfSettings,
  | 'name'
  | 'initialAdvertisePeerURLs'
  | 'advertiseClientURLs'
  | 'initialCluster'
  | 'initialClusterToken'
  | 'initialClusterState'
  | 'heartbeatInterval'
  | 'electionTimeout'
>;

export interface EtcdModelOptions {
  readonly clock: SimClock;
  readonly chance: SimChance;
  readonly network: SimNetwork;
  /** "3.4.23": its rules for changing the membership are heeded. */
  readonly version: string;
  /** The host that a peer or client URL points to. Left out: its host name. */
  readonly hostOf?: (url: string) => string;
  readonly observer?: EtcdObserver;
}

/** Told at once and in between; must only take notes. */
export interface EtcdObserver {
  /** A process has learnt its id and goes on from its disk. */
  started?(start: EtcdStart): void;
  /** An entry was committed for the first time, or another one where `instead` was committed before: writes were lost. */
  committed?(entry: LogEntry, instead: LogEntry | undefined, clusterId: ClusterId): void;
  voted?(vote: { readonly voter: MemberId; readonly term: number; readonly candidate: MemberId }): void;
}

export interface EtcdStart {
  readonly node: string;
  readonly memberId: MemberId;
  readonly emptyDisk: boolean;
  /** A process has run under this id before. */
  readonly everStarted: boolean;
  /** Its disk lacks something that was once on the disk of this id. */
  readonly behind: boolean;
  /** Another process runs under this id at this moment. */
  readonly runsAlready: boolean;
}

export interface EtcdCallbacks {
  /** It has written its first WAL: the disk is the node's from now on. */
  onWal?(disk: EtcdDisk): void;
  /** It ended, by itself or not. */
  onEnd(cause: ExitCause, lastWords: string): void;
}

export interface EtcdProcess {
  readonly pid: number;
  readonly node: string;
  readonly running: boolean;
  /** The client port answers. */
  readonly ready: boolean;
  /** SIGKILL. */
  kill(): void;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGSTOP, or SIGCONT. */
  hang(hanging: boolean): void;
  /** There is a WAL in the data dir. A process may run on one that is not there any more. */
  hasWal(): boolean;
}

export class EtcdModel {
  readonly #world: EtcdWorld;
  #pids = 1_000;

  constructor(options: EtcdModelOptions) {
    this.#world = new EtcdWorld(options);
  }

  /** What is in the node's data dir. */
  disk(node: string): EtcdDisk | undefined {
    return this.#world.diskOf(node);
  }

  /** Replaces it. A process that runs keeps what it has open. */
  setDisk(node: string, disk: EtcdDisk | undefined): void {
    this.#world.setDisk(node, disk);
  }

  /** Starts an etcd on what is in the node's data dir when it gets there. */
  start(node: string, conf: EtcdConf, callbacks: EtcdCallbacks): EtcdProcess {
    this.#pids += 1;
    const process = new SimEtcd(this.#world, node, this.#pids, conf, callbacks);
    this.#world.add(process);
    return process;
  }

  /** A client on `node` of one endpoint. `deliver` holds answers back, or drops them. */
  admin(
    node: string,
    endpoint: string,
    deadlineMs: number,
    deliver: (resume: () => void) => void = (resume) => resume(),
  ): EtcdAdmin {
    return simulatedAdmin(this.#world, { node, endpoint, deadlineMs, deliver });
  }

  /** Raises an alarm through whoever leads; without effect where nobody does. */
  raiseAlarm(type: AlarmType, memberId: MemberId): void {
    const leader = this.#world.processes().find(({ raft }) => raft?.leaderIsSettled);
    leader?.propose({ kind: 'alarm', on: true, memberId, type }, Number.POSITIVE_INFINITY, () => {});
  }

  /** What runs at this moment, as the world's invariants need it: nothing of this is seen by production code. */
  running(): readonly RunningEtcd[] {
    return this.#world.processes().map((process) => ({
      node: process.node,
      pid: process.pid,
      memberId: process.disk?.memberId,
      disk: process.disk,
      ready: process.ready,
    }));
  }

  /** Whether a process serves as this member: asked of each voter all the time. */
  serves(id: MemberId): boolean {
    return this.#world.processes().some(({ ready, disk }) => ready && disk?.memberId === id);
  }

  /** The node of the process that leads and that a quorum follows. */
  leadingNode(): string | undefined {
    return this.#world.processes().find(({ raft }) => raft?.leaderIsSettled === true && raft.quorumFollows())
      ?.node;
  }
}

/** One process that has not ended. */
export interface RunningEtcd {
  readonly node: string;
  readonly pid: number;
  /** Undefined until it has learnt it. */
  readonly memberId: MemberId | undefined;
  readonly disk: EtcdDisk | undefined;
  readonly ready: boolean;
}
