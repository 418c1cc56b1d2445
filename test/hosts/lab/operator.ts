/**
 * What an operator does with the real `coordinator` beside the hosts, and reads from it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { until } from './commands.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { hostAddresses, hostNames, runDir } from './places.js';

export interface Finding {
  readonly node: string;
  readonly check: string;
  readonly result: string;
  readonly message: string;
}

/** The runbook's topology as `coordinator template` prints it, but with keys that take no minute to make. */
export async function initialise(lab: Lab): Promise<void> {
  const template = (await lab.coordinator(['template'])).stdout;
  const topology = template.replace(/^( *key:).*$/m, '$1 { algo: ecdsa, size: 256 }');
  for (const address of Object.values(hostAddresses)) expect(topology).toContain(address);
  expect(topology).not.toBe(template);
  const file = join(runDir, 'cluster.yaml');
  writeFileSync(file, topology);
  expect(await lab.coordinator(['init', '-f', file])).toMatchObject({ code: 0 });
}

/** A service that was started has not opened its door yet. */
export async function listening(host: Host): Promise<void> {
  await until(`the agent of ${host.name} listens`, 15_000, async () => {
    const { code, stderr } = await host.run('bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/2400');
    return code === 0 ? { value: true } : { notYet: stderr };
  });
}

export async function enrol(lab: Lab, host: Host): Promise<void> {
  const token = await lab.coordinator(['token', host.name]);
  expect(token).toMatchObject({ code: 0 });
  const installed = await host.runWith({ input: token.stdout }, 'etcd-agent', 'enrol', '--token-file', '-');
  expect(installed).toMatchObject({ code: 0 });
}

export async function check(lab: Lab): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout, stderr } = await lab.coordinator(['check', '-o', 'json']);
  if (stdout === '') throw new Error(`coordinator check printed nothing: ${stderr}`);
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  // Of a node that was not reached there are no other findings.
  expect(findings.filter((finding) => finding.check === 'agent' && finding.result !== 'ok')).toEqual([]);
  return { code, findings };
}

export function unitOf(findings: readonly Finding[], node: string): Finding | undefined {
  return findings.find((finding) => finding.node === node && finding.check === 'unit');
}

interface Status {
  readonly members: readonly { readonly name: string; readonly health: string }[];
  readonly agents: readonly { readonly name: string; readonly connected: boolean }[];
}

async function status(lab: Lab): Promise<Status> {
  const { stdout, stderr } = await lab.coordinator(['status', '-o', 'json']);
  if (stdout === '') throw new Error(`coordinator status printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Status;
}

export async function health(lab: Lab): Promise<Record<string, string>> {
  const { members } = await status(lab);
  return Object.fromEntries(members.map(({ name, health }) => [name, health]));
}

export async function healthy(lab: Lab): Promise<void> {
  await until('three healthy members', 60_000, async () => {
    const seen = await health(lab);
    const all = hostNames.every((name) => seen[name] === 'healthy');
    return all ? { value: seen } : { notYet: JSON.stringify(seen) };
  });
}

export async function agentSeen(lab: Lab, name: string) {
  const agent = (await status(lab)).agents.find((each) => each.name === name);
  return agent?.connected === true ? { value: agent } : { notYet: JSON.stringify(agent) };
}
