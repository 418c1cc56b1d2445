/**
 * A control group per host. Without one all hosts would share one tree, because each systemd takes the group that it is
 * started in for the root of its own: a unit on one host would then hold the processes of its namesakes on the others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, until } from './commands.js';
import { type Bay, bay, fiveHostNames, type HostName, namespaceOf } from './places.js';

/** Our own view of the unified hierarchy: not every machine has it mounted, or in the same place. */
const hierarchyOf = (of: Bay) => join(of.runDir, 'cgroup');
/** The kernel does both at once; a process in the middle of a write to a slow disk takes part when that is done. */
const obeyMsMax = 60_000;

export async function makeCgroups(): Promise<void> {
  mkdirSync(hierarchyOf(bay), { recursive: true });
  await must('mount', ['-t', 'cgroup2', 'cgroup2', hierarchyOf(bay)]);
  // Groups outlive a mount that was taken away without them, and one of them may still be frozen: no host would boot in it.
  await removeCgroups(bay);
  for (const host of fiveHostNames) mkdirSync(cgroupOf(host), { recursive: true });
}

export function cgroupOf(host: HostName, of = bay): string {
  return join(hierarchyOf(of), namespaceOf(host, of));
}

/** No process of the host runs while `during` does: what it sees of the host is of one moment. */
export async function frozen<T>(host: HostName, during: () => Promise<T>): Promise<T> {
  writeFileSync(join(cgroupOf(host), 'cgroup.freeze'), '1');
  try {
    await becomes(cgroupOf(host), 'frozen 1');
    return await during();
  } finally {
    writeFileSync(join(cgroupOf(host), 'cgroup.freeze'), '0');
  }
}

/** Ends every process of a host that is left, and removes the groups. Nothing happens where the hierarchy is not mounted. */
export async function removeCgroups(of: Bay): Promise<void> {
  for (const host of fiveHostNames) {
    const group = cgroupOf(host, of);
    if (!existsSync(group)) continue;
    const kill = join(group, 'cgroup.kill');
    // From Linux 5.14.
    if (existsSync(kill)) writeFileSync(kill, '1');
    await becomes(group, 'populated 0');
    removeTree(group);
  }
}

async function becomes(group: string, state: string): Promise<void> {
  await until(`the control group ${group} is ${state}`, obeyMsMax, async () => {
    const states = readFileSync(join(group, 'cgroup.events'), 'utf8').split('\n');
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
