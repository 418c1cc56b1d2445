/**
 * Who a process is. A pid alone is reused by the kernel; together with its start time and the boot it belongs to, it
 * names one process for ever. Reads /proc only. Starting processes does not belong here.
 */
import { readdir, readFile } from 'node:fs/promises';

/** One process, distinguishable from a later one with the same pid. Plain JSON. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/PID/stat). */
  readonly startTicks: number;
  /** The kernel's boot id; another value means that the host restarted and the process cannot live. */
  readonly bootId: string;
}

export type ProcessLookup =
  | { readonly kind: 'running'; readonly identity: ProcessIdentity }
  /** No such process, or only its zombie. */
  | { readonly kind: 'gone' };

/** The identity of the process that has this pid now. */
export async function processIdentity(pid: number): Promise<ProcessLookup> {
  const [stat, bootId] = await Promise.all([processStat(pid), currentBootId()]);
  return stat === undefined
    ? { kind: 'gone' }
    : { kind: 'running', identity: { pid, startTicks: stat.startTicks, bootId } };
}

/** True while exactly this process runs. */
export async function isSameProcess(identity: ProcessIdentity): Promise<boolean> {
  const found = await processIdentity(identity.pid);
  return (
    found.kind === 'running' &&
    found.identity.startTicks === identity.startTicks &&
    found.identity.bootId === identity.bootId
  );
}

/**
 * Sends a signal to exactly this process; `gone` when it no longer runs, whoever has its pid now. Throws what
 * `process.kill` throws otherwise (EPERM). The instant between check and kill is shorter than any pid reuse.
 */
export async function signal(identity: ProcessIdentity, name: NodeJS.Signals): Promise<'sent' | 'gone'> {
  if (!(await isSameProcess(identity))) {
    return 'gone';
  }
  try {
    process.kill(identity.pid, name);
    return 'sent';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') {
      return 'gone';
    }
    throw error;
  }
}

/** Every process that was started with an argument that is `path` or lies below it, this one excepted. */
export async function processesWithArgument(path: string): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    // One that ends meanwhile is none.
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (!line.split('\0').some((argument) => argument === path || argument.startsWith(`${path}/`))) continue;
    const looked = await processIdentity(pid);
    if (looked.kind === 'running') found.push(looked.identity);
  }
  return found;
}

let bootId: Promise<string> | undefined;

/** The kernel's id of this boot, which no process outlives. */
export function currentBootId(): Promise<string> {
  bootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim());
  return bootId;
}

export interface ProcessStat {
  readonly sessionId: number;
  readonly startTicks: number;
}

/** What we need of /proc/PID/stat; undefined when the process is gone or a zombie. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) {
    return undefined;
  }
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parseStat(text);
}

/** Parses one /proc/PID/stat line. The second field, the name, may hold spaces and parentheses: count from the last one. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  // The slice starts at field 3, so field n is at index n - 3.
  const sessionId = Number(fields[6 - 3]);
  const startTicks = Number(fields[22 - 3]);
  if (
    state === 'Z' ||
    state === 'X' ||
    !Number.isSafeInteger(startTicks) ||
    !Number.isSafeInteger(sessionId)
  ) {
    return undefined;
  }
  return { sessionId, startTicks };
}
