/**
 * The agent's ports over this Linux host. The state directory is locked first: two agents on one state would each
 * start an etcd.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connectEtcd } from '@etcd-agent/etcd';
import {
  acquireExclusive,
  createLogger,
  currentBootId,
  type ExclusiveLock,
  fileSystemOf,
  ioPressure,
  type Logger,
  linuxAccounts,
  linuxFiles,
  localAddresses,
  openProcessServices,
  type ServiceManager,
  systemClock,
  systemdServices,
} from '@etcd-agent/platform';
import { type AgentConfig, pathsOf } from './config.js';
import { HealStore } from './heal/memory.js';
import type { AgentHost, Machine } from './host.js';
import { openPeerLinks } from './peer-links.js';
import { keepReserve, withReserve } from './reserve.js';
import { Store } from './store.js';

export interface LinuxHost extends AgentHost {
  readonly lock: ExclusiveLock;
}

/** Throws HeldError where another agent runs on this state directory. */
export async function openLinuxHost(config: AgentConfig): Promise<LinuxHost> {
  const paths = pathsOf(config);
  const store = new Store(linuxFiles, paths);
  await store.prepare();
  const { value: lock, spent } = await withReserve(linuxFiles, paths.reserve, () =>
    acquireExclusive(paths.lock, 'etcd-agent run'),
  );
  const log = await createLogger({ name: 'etcd-agent', level: config.logLevel });
  if (spent || !(await keepReserve(linuxFiles, paths.reserve)))
    log.warn({ path: paths.stateDir }, 'the disk with the state of this agent is full, or nearly: make room');
  // A permit is for a start that this process saw begin. One left by a former agent must not start anything now.
  await linuxFiles.remove(paths.permit);
  const services = await openServices(config, log);
  return {
    ...linuxOutside(),
    config,
    paths,
    clock: systemClock,
    files: linuxFiles,
    accounts: linuxAccounts,
    services,
    store,
    heal: new HealStore(linuxFiles, paths),
    log,
    lock,
  };
}

/** The ports that need nothing of this agent's own. */
export function linuxOutside(): Pick<AgentHost, 'chance' | 'machine' | 'peers' | 'connectEtcd'> {
  return {
    chance: { uuid: () => randomUUID(), fraction: () => Math.random() },
    machine: linuxMachine,
    peers: openPeerLinks(),
    connectEtcd,
  };
}

const linuxMachine: Machine = {
  bootId: currentBootId,
  addresses: () => localAddresses().map(({ address }) => address),
  fileSystemOf,
  ioPressure,
};

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
