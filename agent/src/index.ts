/**
 * What other programs may use of the agent: starting one as a process of its own. The playground does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Starts `etcd-agent run` with this configuration file, in its own session, logging to `logFile`. */
export function spawnAgent(configFile: string, logFile: string): ChildProcess {
  const program = fileURLToPath(new URL('../bin/etcd-agent.js', import.meta.url));
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(process.execPath, [program, 'run', '--config', configFile], {
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}
