/** The state of an agent that is not running in this process, for whoever runs agents on one machine. */
import {
  linuxFiles,
  openProcessServices,
  type ProcessIdentity,
  supervisedProcess,
} from '@etcd-agent/platform';
import { loadConfig, pathsOf } from './config.js';
import { Store } from './store.js';

export function storeOf(configFile: string): Store {
  return new Store(linuxFiles, pathsOf(configOf(configFile)));
}

/** Ends the etcd of the process manager, whoever started it. Nothing happens where none runs. */
export async function stopSupervisedEtcd(configFile: string, deadlineMs: number): Promise<void> {
  const services = await openProcessServices({ stateFile: pathsOf(configOf(configFile)).processState });
  await services.stop(deadlineMs);
  await services.close();
}

/** The etcd of the process manager, where it runs; the agent may be at work beside it. */
export function supervisedEtcd(configFile: string): Promise<ProcessIdentity | undefined> {
  return supervisedProcess(linuxFiles, pathsOf(configOf(configFile)).processState);
}

// The environment of this process is not the agent's: only the file counts.
function configOf(configFile: string) {
  return loadConfig({ file: configFile, environment: {}, flags: {} });
}
