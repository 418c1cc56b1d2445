/**
 * Which processes belong to a test: those whose command line or environment names its directory. That finds an etcd that
 * nobody remembers having started, which no list of pids would.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { sleep, waitFor } from './wait.js';

export interface ProcessView {
  readonly pid: number;
  /** Command line, joined by spaces. */
  readonly command: string;
  /** ETCD_DATA_DIR of its environment. */
  readonly dataDir: string | undefined;
}

/** Running processes (zombies are not) that name `dir`, but for this one. */
export function processesOf(dir: string): ProcessView[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = readProc(name, 'cmdline').replaceAll('\0', ' ').trim();
      const environment = readProc(name, 'environ').split('\0');
      // A directory is named where a longer name does not go on from it.
      const names = (text: string) =>
        text
          .split(dir)
          .slice(1)
          .some((after) => !/^[\w.-]/.test(after));
      if (!isRunning(Number(name)) || !(names(command) || environment.some(names))) return [];
      const dataDir = environment.find((each) => each.startsWith('ETCD_DATA_DIR='))?.slice(14);
      return [{ pid: Number(name), command, dataDir }];
    });
}

/**
 * False for a zombie: it has ended, whoever has not looked yet. A process whose first thread is a zombie while others are
 * still ending has not: it may hold its ports.
 */
export function isRunning(pid: number): boolean {
  const stat = readProc(String(pid), 'stat');
  if (stat === '') return false;
  return !/^\S+ \(.*\) [ZX]/s.test(stat) || threadsOf(pid) > 1;
}

function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Sends SIGKILL and waits for the end. */
export async function killAndWait(pid: number): Promise<void> {
  kill(pid, 'SIGKILL');
  await waitFor(`the end of process ${pid}`, () => !isRunning(pid), 10_000, 5);
}

/** Ends every process that names `dir` and returns when none is left. Throws where one cannot be ended. */
export async function endProcessesOf(dir: string): Promise<void> {
  // One in the middle of a write to a slow disk ends when that is done.
  for (const endMs = performance.now() + 30_000; performance.now() < endMs; ) {
    const left = processesOf(dir);
    if (left.length === 0) return;
    // Supervisors first: they would start again what ends.
    const agents = left.filter(({ dataDir }) => dataDir === undefined);
    for (const { pid } of agents.length > 0 ? agents : left) kill(pid, 'SIGKILL');
    await sleep(20);
  }
  throw new Error(
    `still running: ${processesOf(dir)
      .map(({ pid, command }) => `${pid} ${command}`)
      .join('; ')}`,
  );
}

/** The same at once, for the end of this process. */
export function endProcessesOfNow(dir: string): void {
  for (let round = 0; round < 5; round += 1) for (const { pid } of processesOf(dir)) kill(pid, 'SIGKILL');
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
