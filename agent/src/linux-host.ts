/**
 * The agent's ports over this Linux host. The state directory is locked first: two agents on one state would each
 * start an etcd.
 */
import { existsSync } from 'node:fs';
import {
  acquireExclusive,
  createLogger,
  type ExclusiveLock,
  type Logger,
  linuxAccounts,
  linuxFiles,
  openProcessServices,
  type ServiceManager,
  systemClock,
  systemdServices,
} from '@etcd-agent/platform';
import { type AgentConfig, pathsOf } from './config.js';
import type { AgentHost } from './host.js';
import { Store } from './store.js';

export interface LinuxHost extends AgentHost {
  readonly lock: ExclusiveLock;
}

/** Throws HeldError where another agent runs on this state directory. */
export async function openLinuxHost(config: AgentConfig): Promise<LinuxHost> {
  const paths = pathsOf(config);
  const store = new Store(linuxFiles, paths);
  await store.prepare();
  const lock = await acquireExclusive(paths.lock, 'etcd-agent run');
  const log = await createLogger({ name: 'etcd-agent', level: config.logLevel });
  // A permit is for a start that this process saw begin. One left by a former agent must not start anything now.
  await linuxFiles.remove(paths.permit);
  const services = await openServices(config, log);
  return {
    config,
    paths,
    clock: systemClock,
    files: linuxFiles,
    accounts: linuxAccounts,
    services,
    store,
    log,
    lock,
  };
}

async function openServices(config: AgentConfig, log: Logger): Promise<ServiceManager> {
  const kind = config.serviceManager === 'auto' ? detect() : config.serviceManager;
  return kind === 'systemd'
    ? systemdServices()
    : openProcessServices({
        stateFile: pathsOf(config).processState,
        logger: log.child({ part: 'supervisor' }),
      });
}

// The test that sd_booted(3) documents.
function detect(): 'systemd' | 'process' {
  return existsSync('/run/systemd/system') ? 'systemd' : 'process';
}
