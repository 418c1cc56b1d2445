/**
 * A control group per host. Without one all hosts would share one tree, because each systemd takes the group that it is
 * started in for the root of its own: a unit on one host would then hold the processes of its namesakes on the others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, until } from './commands.js';
import { fiveHostNames, type HostName, namespaceOf, runDir } from './places.js';

/** Our own view of the unified hierarchy: not every machine has it mounted, or in the same place. */
const hierarchy = join(runDir, 'cgroup');
/** The kernel does both at once; a process in the middle of a write to a slow disk takes part when that is done. */
const obeyMsMax = 10_000;

export async function makeCgroups(): Promise<void> {
  mkdirSync(hierarchy, { recursive: true });
  await must('mount', ['-t', 'cgroup2', 'cgroup2', hierarchy]);
  // Groups outlive a mount that was taken away without them, and one of them may still be frozen: no host would boot in it.
  await removeCgroups();
  for (const host of fiveHostNames) mkdirSync(cgroupOf(host), { recursive: true });
}

export function cgroupOf(host: HostName): string {
  return join(hierarchy, namespaceOf(host));
}

/** No process of the host runs while `during` does: what it sees of the host is of one moment. */
export async function frozen<T>(host: HostName, during: () => Promise<T>): Promise<T> {
  writeFileSync(join(cgroupOf(host), 'cgroup.freeze'), '1');
  try {
    await becomes(host, 'frozen 1');
    return await during();
  } finally {
    writeFileSync(join(cgroupOf(host), 'cgroup.freeze'), '0');
  }
}

/** Ends every process of a host that is left, and removes the groups. Nothing happens where the hierarchy is not mounted. */
export async function removeCgroups(): Promise<void> {
  for (const host of fiveHostNames) {
    if (!existsSync(cgroupOf(host))) continue;
    const kill = join(cgroupOf(host), 'cgroup.kill');
    // From Linux 5.14.
    if (existsSync(kill)) writeFileSync(kill, '1');
    await becomes(host, 'populated 0');
    removeTree(cgroupOf(host));
  }
}

async function becomes(host: HostName, state: string): Promise<void> {
  await until(`the control group of ${host} is ${state}`, obeyMsMax, async () => {
    const states = readFileSync(join(cgroupOf(host), 'cgroup.events'), 'utf8').split('\n');
    return states.includes(state) ? { value: undefined } : { notYet: states.join(', ') };
  });
}

/** A group's files are the kernel's; only directories can be removed, the innermost first. */
function removeTree(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(group, entry.name));
  }
  rmdirSync(group);
}
