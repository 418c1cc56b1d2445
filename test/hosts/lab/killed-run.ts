/**
 * A run of the lab that is killed without a word, as by a person who has no patience or a machine that has no memory. It is a
 * process of its own that runs the same file of tests, which there does nothing but open a lab and wait.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { frozen } from './cgroups.js';
import { openLab } from './lab.js';
import { bay, bayVariable, checkout, labNamespace } from './places.js';
import { labProcesses, traces } from './traces.js';

/** Set in the run that is to be killed. */
const mark = 'ETCD_AGENT_TEST_KILLED_RUN';
const boots = 'killed run: boots';
const isAtWork = 'killed run: at work';

export interface KilledRun {
  /** What it left behind. */
  readonly left: readonly string[];
  readonly pids: readonly number[];
}

export const isKilledRun = process.env[mark] !== undefined;

/** Opens a lab and puts it to work: hosts run, one of them is frozen, a program is on their network. Ends only where it cannot. */
export async function awaitTheEnd(): Promise<void> {
  const parent = process.ppid;
  // Whoever was to kill it may have been killed.
  setInterval(() => process.ppid === parent || process.exit(1), 500).unref();
  const opening = await openLab(() => process.stderr.write(`${boots}\n`), { names: ['etcd0', 'etcd1'] });
  if (opening.kind === 'unable') return;
  spawn('ip', ['netns', 'exec', labNamespace, 'sleep', '600'], { stdio: 'ignore', detached: true });
  await frozen('etcd0', async () => {
    process.stderr.write(`${isAtWork}\n`);
    await new Promise(() => {});
  });
}

/** Starts such a run and kills it: as soon as there is a process of its hosts, or when all is at work. undefined: it has ended by itself. */
export async function killedRun(file: string, when: 'booting' | 'atWork'): Promise<KilledRun | undefined> {
  const words = [join(checkout, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--project', 'hosts', file];
  // A group of its own, so that the workers that it starts can be killed with it. It does not outlive this process.
  const run = spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, ...words], {
    cwd: checkout,
    env: { ...process.env, [mark]: 'yes', [bayVariable]: String(bay.number) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    run.once('error', () => resolve());
    run.once('close', () => resolve());
  });
  let printed = '';
  for (const stream of [run.stdout, run.stderr])
    stream.setEncoding('utf8').on('data', (text) => (printed += text));
  while (!hasEnded(run)) {
    const isTime =
      when === 'booting' ? printed.includes(boots) && labProcesses().length > 0 : printed.includes(isAtWork);
    if (isTime) {
      const pids = labProcesses().map(({ pid }) => pid);
      process.kill(-run.pid!, 'SIGKILL');
      await ended;
      return { left: await traces(), pids };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}

function hasEnded(run: ChildProcess): boolean {
  return run.pid === undefined || run.exitCode !== null || run.signalCode !== null;
}
