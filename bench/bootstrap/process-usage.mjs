// What a process uses, from /proc.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time since its start, all threads. */
export function cpuSeconds(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** User and system time of the children of this process that have ended. */
export function endedChildrenCpuSeconds() {
  const text = readFileSync('/proc/self/stat', 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/**
 * Memory in MB of 1,000,000 bytes. `rss` counts the shared pages of the node binary in full for every process, `pss` shares
 * them out among those that map them, `anonymous` is what the process made itself.
 */
export function memoryMB(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const value = (name) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024) / 1e6;
  return { rss: value('Rss'), pss: value('Pss'), anonymous: value('Anonymous') };
}
