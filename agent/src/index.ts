/**
 * What other programs may use of the agent: running one on this machine as a process of its own. The playground does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProcessIdentity } from '@etcd-agent/platform';

/** The agent's own code over ports that the caller brings: the simulated world runs on it. Loaded when asked for. */
export const agentCore = () => import('./core.js');
export type * from './core.js';

/** Where the package etcd-agent puts its program. */
const installedProgram = '/usr/bin/etcd-agent';

/**
 * The command that starts an agent here: that of this checkout, else the one that the package etcd-agent has installed;
 * undefined where there is neither.
 */
export function agentProgram(): readonly [string, ...string[]] | undefined {
  // From a bundle of the other program as well as from here.
  const own = fileURLToPath(new URL('../../agent/bin/etcd-agent.js', import.meta.url));
  if (existsSync(own)) return [process.execPath, own];
  return existsSync(installedProgram) ? [installedProgram] : undefined;
}

/** An agent of this machine, known by its configuration file. */
export interface LocalAgent {
  /** Starts `etcd-agent run` in its own session, logging to `logFile`. */
  start(logFile: string): ChildProcess;
  /** Puts a join token in place, as `etcd-agent enrol` does. */
  enrol(token: string): Promise<void>;
  /** The etcd that this agent runs; undefined where none runs. */
  etcd(): Promise<ProcessIdentity | undefined>;
  /**
   * Ends the etcd that this agent runs: politely, and after `deadlineMs` by SIGKILL. The agent itself must have ended
   * before.
   */
  stopEtcd(deadlineMs: number): Promise<void>;
}

/** The agent of `configFile`, running or not. */
export function localAgent(configFile: string): LocalAgent {
  return {
    start(logFile) {
      const program = agentProgram();
      if (program === undefined) throw new Error(`there is no ${installedProgram}`);
      const log = openSync(logFile, 'a', 0o600);
      try {
        const [command, ...words] = program;
        return spawn(command, [...words, 'run', '--config', configFile], {
          detached: true,
          stdio: ['ignore', log, log],
          // The file says everything: settings of the caller's own environment are not meant for this agent.
          // Nor is a systemd that runs the caller to be told of this agent.
          env: Object.fromEntries(
            Object.entries(process.env).filter(([name]) => !/^(ETCD_|NOTIFY_SOCKET$|WATCHDOG_)/.test(name)),
          ),
        });
      } finally {
        closeSync(log);
      }
    },
    async enrol(token) {
      const { storeOf } = await import('./local-state.js');
      const store = storeOf(configFile);
      await store.prepare();
      await store.keepJoinToken(token);
    },
    async etcd() {
      const { supervisedEtcd } = await import('./local-state.js');
      return supervisedEtcd(configFile);
    },
    async stopEtcd(deadlineMs) {
      const { stopSupervisedEtcd } = await import('./local-state.js');
      await stopSupervisedEtcd(configFile, deadlineMs);
    },
  };
}
