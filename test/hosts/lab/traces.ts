/**
 * What there is of this run's lab on the machine, by whatever sign: its names, and where its processes and mounts are.
 * Found without knowing what a lab has made, so that what its own removal forgets is seen.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { must } from './commands.js';
import { cache, prefix, runDir } from './places.js';

const namespaces = '/run/netns';
/** systemd-nspawn's own, of the machines that it runs. */
const machines = '/run/systemd/nspawn';

/** One line each; none: nothing is left. */
export async function traces(): Promise<string[]> {
  return [
    ...labProcesses().map(({ pid, words }) => `process ${pid}: ${words}`),
    ...named(namespaces).map((name) => `network namespace ${name}`),
    ...mounts().map((path) => `mount ${path}`),
    ...(await controlGroups()).map((name) => `control group ${name}`),
    ...['/run', '/tmp', machines, join(machines, 'propagate')].flatMap((folder) =>
      named(folder).map((name) => join(folder, name)),
    ),
    ...(existsSync(runDir) ? [runDir] : []),
  ];
}

/** Processes of the hosts, of what runs them, and of what was started beside them on their network. */
export function labProcesses(): { readonly pid: number; readonly words: string }[] {
  const networks = new Set(named(namespaces).map((name) => statSync(join(namespaces, name)).ino));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const network = Number(/\d+/.exec(readlinkSync(`/proc/${name}/ns/net`))?.[0]);
        const isOurs =
          networks.has(network) ||
          words.includes(`--machine=${prefix}-`) ||
          readFileSync(`/proc/${name}/cgroup`, 'utf8').includes(`/${prefix}-`);
        return isOurs ? [{ pid: Number(name), words }] : [];
      } catch {
        // It has ended.
        return [];
      }
    });
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${runDir}/`) || path.startsWith(`${namespaces}/${prefix}-`));
}

/** They outlive the mount through which they were made, so they are looked for through another one. */
async function controlGroups(): Promise<string[]> {
  const hierarchy = mkdtempSync(join(cache, 'cgroups-'));
  await must('mount', ['-t', 'cgroup2', 'cgroup2', hierarchy]);
  try {
    return named(hierarchy);
  } finally {
    await must('umount', [hierarchy]);
    rmdirSync(hierarchy);
  }
}

function named(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(prefix)) : [];
}
