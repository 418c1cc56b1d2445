/**
 * Whether this process, or a program that it runs, waits for a disk in a way that no signal ends (state D). Read without
 * the thread pool: that is what is stuck then.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names the thread (`node`, `libuv-worker`, `etcd`) that waits; undefined: none does. Never throws. `proc`: where /proc is. */
export function waitingForDisk(pid: number = process.pid, proc = '/proc'): string | undefined {
  for (const thread of entries(join(proc, String(pid), 'task'))) {
    const task = join(proc, String(pid), 'task', thread);
    const name = uninterruptible(text(join(task, 'stat')));
    if (name !== undefined) return name;
    // Left out by a kernel without CONFIG_PROC_CHILDREN.
    for (const child of text(join(task, 'children')).split(' ').filter(Boolean)) {
      const found = waitingForDisk(Number(child), proc);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The name in a line of /proc/PID/stat whose state is D. A name may hold brackets and spaces. */
export function uninterruptible(stat: string): string | undefined {
  const end = stat.lastIndexOf(') ');
  return end > 0 && stat.startsWith('D', end + 2) ? stat.slice(stat.indexOf('(') + 1, end) : undefined;
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
