/**
 * Everything of the outside world that the agent uses, as one bundle of ports, with the configuration that says where
 * things are. `main` builds it over Linux; tests and the simulated world build their own.
 */
import type { EtcdAdmin, EtcdConnection } from '@etcd-agent/etcd';
import type { Accounts, Clock, Files, Logger, Owner, ServiceManager } from '@etcd-agent/platform';
import type { MemberSpec, PeerView } from '@etcd-agent/protocol';
import type { AgentConfig, AgentPaths } from './config.js';
import type { HealStore } from './heal/memory.js';
import type { Store, StoredIdentity } from './store.js';

/** Chance as a port: names and jitter. */
export interface Chance {
  uuid(): string;
  /** At least 0, less than 1. */
  fraction(): number;
}

/** What is asked of the machine itself. */
export interface Machine {
  /** Another value after every boot. */
  bootId(): Promise<string>;
  /** IP addresses of this host. */
  addresses(): readonly string[];
  /** The file system at a path: the id survives reboots and differs when another one is in its place. */
  fileSystemOf(path: string): Promise<{ readonly id: string; readonly mountPoint: string }>;
  /** Percent of the last ten seconds in which something waited for a disk. */
  ioPressure(): Promise<
    { readonly kind: 'known'; readonly someAvg10: number } | { readonly kind: 'unknown' }
  >;
}

export type SpecAgent = MemberSpec['agents'][number];

/** The other agents of the cluster, asked over the same link that coordinators use. */
export interface PeerLinks {
  /** What this peer knows and sees. Rejects with an Error where it does not answer within `deadlineMs`. */
  view(peer: SpecAgent, self: StoredIdentity, deadlineMs: number): Promise<PeerView>;
  /** Ends every link. */
  close(): void;
}

export interface AgentHost {
  readonly config: AgentConfig;
  readonly paths: AgentPaths;
  readonly clock: Clock;
  readonly files: Files;
  readonly accounts: Accounts;
  readonly services: ServiceManager;
  readonly store: Store;
  readonly heal: HealStore;
  readonly log: Logger;
  readonly chance: Chance;
  readonly machine: Machine;
  readonly peers: PeerLinks;
  /** A client of one etcd endpoint; see EtcdAdmin. */
  readonly connectEtcd: (connection: EtcdConnection) => Promise<EtcdAdmin>;
}

/** Who etcd runs as: the owner of its data and the group of its keys. */
export type EtcdAccount =
  | { readonly kind: 'own' }
  | { readonly kind: 'account'; readonly name: string; readonly owner: Owner }
  | { readonly kind: 'missing'; readonly name: string };

/** Looks the configured account up each time: a package may have made it a moment ago. */
export async function etcdAccount(host: Pick<AgentHost, 'config' | 'accounts'>): Promise<EtcdAccount> {
  const name = host.config.etcdUser;
  if (name === '') return { kind: 'own' };
  const found = await host.accounts.lookupAccount(name);
  if (found.kind === 'missing') return { kind: 'missing', name };
  return { kind: 'account', name, owner: { uid: found.uid, gid: found.gid } };
}
