/**
 * What an operator does with the real `coordinator` beside the hosts, and reads from it.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { until } from './commands.js';
import type { Host } from './host.js';
import type { Lab } from './lab.js';
import { checkout, runDir } from './places.js';

export interface Finding {
  readonly node: string;
  readonly check: string;
  readonly result: string;
  readonly message: string;
}

/** By name, as they are written in the topology. */
type Settings = Readonly<Record<string, string>>;

/**
 * The runbook's topology as `coordinator template` prints it, with the lab's hosts that it does not name too, but with keys
 * that take no minute to make, and with these values for settings of `healing:`.
 */
export async function initialise(lab: Lab, healing: Settings = {}): Promise<void> {
  await initialiseFrom(
    lab,
    withSettings(await template(lab), { key: '{ algo: ecdsa, size: 256 }', ...healing }),
  );
}

/** The runbook's three files for cfssl, as they are. */
const runbookFiles = ['etcd-root-ca-csr.json', 'etcd-csr.json', 'etcd-gencert.json'];

/** As the runbook has it: its hosts, its timings, its files for cfssl and so its RSA keys of 4096 bits. */
export async function initialiseAsRunbook(lab: Lab, healing: Settings = {}): Promise<void> {
  const topology = await template(lab);
  expect(topology).toMatch(/^ *heartbeatInterval: 500 /m);
  expect(topology).toMatch(/^ *electionTimeout: 2500 /m);
  for (const name of runbookFiles) {
    copyFileSync(join(checkout, 'packages', 'pki', 'src', 'testdata', name), join(runDir, name));
  }
  const [before, pki] = topology.split(/^(?=pki:)/m) as [string, string];
  // What the template says: these instead of the values above them.
  const files = pki
    .replace(/^ {2}(key|names|expiry):.*\n/gm, '')
    .replace(/^ {2}# (caCsr|csr|config):/gm, '  $1:');
  for (const name of runbookFiles) expect(files).toMatch(new RegExp(`^  \\w+: ${name}$`, 'm'));
  await initialiseFrom(lab, withSettings(before, healing) + files);
}

async function template(lab: Lab): Promise<string> {
  const { stdout } = await lab.coordinator(['template']);
  let last = '';
  let topology = stdout;
  for (const { name, address } of lab.hosts) {
    const entry = new RegExp(`^  - name: ${name}\\b.*\\n    address: ${address}\\b.*\\n    dns: .*\\n`, 'm');
    const added = `${last}  - name: ${name} #\n    address: ${address}\n    dns: [${name}.51know.info]\n`;
    if (!entry.test(topology)) topology = topology.replace(last, added);
    last = entry.exec(topology)?.[0] ?? '';
    expect(last, `the entry of ${name}`).not.toBe('');
  }
  return topology;
}

function withSettings(topology: string, settings: Settings): string {
  let text = topology;
  for (const [key, value] of Object.entries(settings)) {
    const line = new RegExp(`^( *${key}:).*$`, 'm');
    expect(text).toMatch(line);
    text = text.replace(line, `$1 ${value}`);
  }
  return text;
}

async function initialiseFrom(lab: Lab, topology: string): Promise<void> {
  const file = join(runDir, 'cluster.yaml');
  writeFileSync(file, topology);
  expect(await lab.coordinator(['init', '-f', file])).toMatchObject({ code: 0 });
}

/** A service that was started has not opened its door yet. */
export async function listening(host: Host): Promise<void> {
  await until(`the agent of ${host.name} listens`, 60_000, async () => {
    const { code, stderr } = await host.run('bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/2400');
    return code === 0 ? { value: true } : { notYet: stderr };
  });
}

/** Returns the token, which is of no use any more. */
export async function enrol(
  lab: Lab,
  host: Host,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<string> {
  const token = await lab.coordinator(['token', host.name, ...(replace ? ['--replace'] : [])]);
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
  await until('every member is healthy', 60_000, async () => {
    const seen = await health(lab);
    const all = lab.hosts.every(({ name }) => seen[name] === 'healthy');
    return all ? { value: seen } : { notYet: JSON.stringify(seen) };
  });
}

/** By name: whether the coordinator reaches the agent. */
export async function connected(lab: Lab): Promise<Record<string, boolean>> {
  return Object.fromEntries((await status(lab)).agents.map(({ name, connected }) => [name, connected]));
}

export async function agentSeen(lab: Lab, name: string) {
  const agent = (await status(lab)).agents.find((each) => each.name === name);
  return agent?.connected === true ? { value: agent } : { notYet: JSON.stringify(agent) };
}

/**
 * `coordinator status` finds nothing to complain of: healthy voters only, an entry for each node and no other. Returns their
 * member ids by name.
 */
export async function whole(lab: Lab): Promise<Record<string, string>> {
  return until('coordinator status is content', 60_000, async () => {
    const { code, members } = await status(lab);
    const names = members.map(({ name }) => name).sort();
    const all =
      code === 0 &&
      isDeepStrictEqual(
        names,
        lab.hosts.map(({ name }) => name),
      ) &&
      members.every(({ role }) => role !== 'learner');
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
