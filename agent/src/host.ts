/**
 * Everything of the outside world that the agent uses, as one bundle of ports, with the configuration that says where
 * things are. `main` builds it over Linux; tests and the simulated world build their own.
 */
import type { Accounts, Clock, Files, Logger, Owner, ServiceManager } from '@etcd-agent/platform';
import type { AgentConfig, AgentPaths } from './config.js';
import type { Store } from './store.js';

export interface AgentHost {
  readonly config: AgentConfig;
  readonly paths: AgentPaths;
  readonly clock: Clock;
  readonly files: Files;
  readonly accounts: Accounts;
  readonly services: ServiceManager;
  readonly store: Store;
  readonly log: Logger;
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
