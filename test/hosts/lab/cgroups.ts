/**
 * A control group per host. Without one all hosts would share one tree, because each systemd takes the group that it is
 * started in for the root of its own: a unit on one host would then hold the processes of its namesakes on the others.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './commands.js';
import { type HostName, hostNames, namespaceOf, runDir } from './places.js';

/** Our own view of the unified hierarchy: not every machine has it mounted, or in the same place. */
const hierarchy = join(runDir, 'cgroup');

export async function makeCgroups(): Promise<void> {
  mkdirSync(hierarchy, { recursive: true });
  await must('mount', ['-t', 'cgroup2', 'cgroup2', hierarchy]);
  for (const host of hostNames) mkdirSync(cgroupOf(host), { recursive: true });
}

export function cgroupOf(host: HostName): string {
  return join(hierarchy, namespaceOf(host));
}

/** Their processes must have ended. Nothing happens where the hierarchy is not mounted. */
export function removeCgroups(): void {
  for (const host of hostNames) {
    if (existsSync(cgroupOf(host))) removeTree(cgroupOf(host));
  }
}

/** A group's files are the kernel's; only directories can be removed, the innermost first. */
function removeTree(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(group, entry.name));
  }
  rmdirSync(group);
}
