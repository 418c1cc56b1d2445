/** The real packages, made of this checkout as `npm run package` makes them; what has not changed is not made again. */
import { join } from 'node:path';
import { describe, must } from './commands.js';
import type { Host } from './host.js';
import { cache, checkout } from './places.js';

interface AgentPackage {
  readonly deb: string;
  readonly rpm: string;
  readonly version: string;
}

/** Two minutes on two busy cores, where there is nothing yet. */
const buildMsMax = 420_000;

let own: Promise<string[]> | undefined;

/** This checkout's own; looked for once by each test file. */
export function agentPackage(): Promise<AgentPackage> {
  own ??= build([]);
  return own.then(find);
}

/** The .deb of the coordinator, likewise. */
export async function coordinatorPackage(): Promise<string> {
  own ??= build([]);
  return named(await own, /^.*\/etcd-coordinator_.*_amd64\.deb$/)[0];
}

/** Its .rpm. */
export async function coordinatorRpm(): Promise<string> {
  own ??= build([]);
  return named(await own, /^.*\/etcd-coordinator-[\d.]+-1\.x86_64\.rpm$/)[0];
}

let newer: Promise<AgentPackage> | undefined;

/** The same program under a higher version number: what an upgrade installs. Packed without compression, which is quicker. */
export function newerAgentPackage(): Promise<AgentPackage> {
  const out = join(cache, 'newer');
  newer ??= build(['--version', '99.0.0', '--out', out, '--level', '0', '--package', 'etcd-agent']).then(
    find,
  );
  return newer;
}

/** A package is a hundred megabytes to unpack. */
export const packageMsMax = 180_000;

/** Runs a package manager, or the like, that must succeed. */
export async function patient(host: Host, program: string, ...args: string[]): Promise<string> {
  const output = await host.runWith({ timeoutMs: packageMsMax }, program, ...args);
  if (output.code !== 0) throw new Error(`on ${host.name}: ${describe([program, ...args], output)}`);
  return output.stdout;
}

/** Prints a line for each package, which begins with its path. */
async function build(options: readonly string[]): Promise<string[]> {
  const program = join(checkout, 'scripts', 'package.mjs');
  const output = await must(process.execPath, [program, ...options], { timeoutMs: buildMsMax });
  return output.split('\n').map((line) => line.replace(/ \(.*$/, ''));
}

function find(files: readonly string[]): AgentPackage {
  const deb = named(files, /^.*\/etcd-agent_(.*)-1_amd64\.deb$/);
  const rpm = named(files, /^.*\/etcd-agent-[\d.]+-1\.x86_64\.rpm$/);
  return { deb: deb[0], rpm: rpm[0], version: deb[1]! };
}

function named(files: readonly string[], pattern: RegExp): RegExpExecArray {
  const found = files.map((file) => pattern.exec(file)).find((match) => match !== null);
  if (found === undefined) throw new Error(`npm run package made no ${pattern}: ${files.join(', ')}`);
  return found;
}
