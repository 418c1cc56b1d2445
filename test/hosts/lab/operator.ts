/**
 * What an operator does with the real `coordinator` beside the hosts, and reads from it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
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

/**
 * The runbook's topology as `coordinator template` prints it, but with keys that take no minute to make, and with these
 * values for settings of `healing:`.
 */
export async function initialise(lab: Lab, healing: Readonly<Record<string, string>> = {}): Promise<void> {
  const settings = Object.entries({ key: '{ algo: ecdsa, size: 256 }', ...healing });
  let topology = (await lab.coordinator(['template'])).stdout;
  for (const address of Object.values(hostAddresses)) expect(topology).toContain(address);
  for (const [key, value] of settings) {
    const line = new RegExp(`^( *${key}:).*$`, 'm');
    expect(topology).toMatch(line);
    topology = topology.replace(line, `$1 ${value}`);
  }
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

/** Returns the token, which is of no use any more. */
export async function enrol(lab: Lab, host: Host): Promise<string> {
  const token = await lab.coordinator(['token', host.name]);
  expect(token).toMatchObject({ code: 0 });
  const installed = await host.runWith({ input: token.stdout }, 'etcd-agent', 'enrol', '--token-file', '-');
  expect(installed).toMatchObject({ code: 0 });
  return token.stdout.trim();
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
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly health: string;
  }[];
  readonly agents: readonly { readonly name: string; readonly connected: boolean }[];
}

async function status(lab: Lab): Promise<Status & { readonly code: number | null }> {
  const { code, stdout, stderr } = await lab.coordinator(['status', '-o', 'json']);
  if (stdout === '') throw new Error(`coordinator status printed nothing: ${stderr}`);
  return { code, ...(JSON.parse(stdout) as Status) };
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

/**
 * `coordinator status` finds nothing to complain of: three healthy voters, an entry for each node and no other. Returns their
 * member ids by name.
 */
export async function whole(lab: Lab): Promise<Record<string, string>> {
  return until('coordinator status is content', 60_000, async () => {
    const { code, members } = await status(lab);
    const names = members.map(({ name }) => name).sort();
    const all =
      code === 0 && isDeepStrictEqual(names, hostNames) && members.every(({ role }) => role !== 'learner');
    const ids = Object.fromEntries(members.map(({ name, id }) => [name, id]));
    return all ? { value: ids } : { notYet: `${code} ${JSON.stringify(members)}` };
  });
}

export interface HealStatus {
  readonly node: string;
  readonly repair: { readonly stage: string } | null;
  readonly history: readonly { readonly rule: string; readonly oldMemberId: string }[];
  readonly waiting: readonly { readonly rule: string; readonly reason: string }[];
  readonly view: {
    readonly remembered: readonly { readonly memberId: string; readonly index: string }[];
  };
}

export async function healStatus(lab: Lab): Promise<readonly HealStatus[]> {
  const { stdout } = await lab.coordinator(['heal', 'status', '-o', 'json']);
  return (JSON.parse(stdout) as { nodes: HealStatus[] }).nodes;
}

export interface HealEvent {
  readonly node: string;
  readonly at: string;
  readonly kind: string;
  readonly rule: string;
  readonly message: string;
  readonly evidence?: Readonly<Record<string, unknown>>;
}

/** What agents have decided, done and refused since a moment of this machine's clock, which is that of the hosts too. */
export async function eventsSince(lab: Lab, sinceMs: number): Promise<readonly HealEvent[]> {
  const { stdout } = await lab.coordinator(['events', '--since', '1h', '-o', 'json']);
  const { events } = JSON.parse(stdout) as { events: HealEvent[] };
  return events.filter(({ at }) => Date.parse(at) >= sinceMs);
}
