/**
 * The etcd of the simulated world. This file is what the rest of the world sees of it.
 */
import type { EtcdAdmin, EtcdConfSettings, MemberId } from '@etcd-agent/etcd';
import type { ExitCause } from '@etcd-agent/platform';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import type { EtcdDisk, LogEntry } from './etcd-disk.js';
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
  committed?(entry: LogEntry, instead: LogEntry | undefined): void;
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

/** See {@link EtcdModelOptions}. */
export interface EtcdModelApi {
  /** What is in the node's data dir. */
  disk(node: string): EtcdDisk | undefined;
  /** Replaces it. A process that runs keeps what it has open. */
  setDisk(node: string, disk: EtcdDisk | undefined): void;
  start(node: string, conf: EtcdConf, callbacks: EtcdCallbacks): EtcdProcess;
  /** A client on `node` of one endpoint. `deliver` holds answers back, or drops them. */
  admin(
    node: string,
    endpoint: string,
    deadlineMs: number,
    deliver?: (resume: () => void) => void,
  ): EtcdAdmin;
}
