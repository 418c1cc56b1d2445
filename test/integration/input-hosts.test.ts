/**
 * What may be wrong with a host, each on real agents: `check` shows it on the node that has it, says what to do, and a
 * bootstrap stops before anything is started. When it is put right, the same agents become a cluster.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  describeOutcome,
  etcdBinaries,
  mountSmall,
  type Outcome,
  type TestCluster,
  type TestNode,
  testCluster,
  waitFor,
  wrongClock,
} from '../support/index.js';
import { powerOff } from '../worlds/loopback/faults.js';

interface Finding {
  readonly node: string;
  readonly check: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly next?: string;
}

let cluster: TestCluster;
let node: TestNode;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  cluster = await testCluster();
  node = cluster.node('etcd1');
  await cluster.prepare();
});
afterEach(async () => {
  for (const act of undo.splice(0).reverse()) await act();
});

/** Runs `check` and returns what it failed on, per node. */
async function failures(exit = 6): Promise<Finding[]> {
  const outcome = await cluster.coordinator(['check', '-o', 'json']);
  expect(outcome.code, describeOutcome(outcome)).toBe(exit);
  const { findings } = JSON.parse(outcome.stdout) as { findings: Finding[] };
  // Everything else is told as well, on every node.
  expect(new Set(findings.map((finding) => finding.node))).toEqual(new Set(['etcd0', 'etcd1', 'etcd2']));
  return findings.filter(({ result }) => result === 'fail');
}

/** A bootstrap that must stop at its preflight: nothing of etcd is there afterwards. */
async function refusedBootstrap(): Promise<Outcome> {
  const outcome = await cluster.bootstrap();
  expect(outcome.code, describeOutcome(outcome)).toBe(6);
  expect(outcome.stdout).toBe('');
  expect(outcome.stderr).toMatch(/^error: .* nothing was started$/m);
  expect(outcome.stderr).toMatch(/^ {2}where: etcd1 /m);
  expect(outcome.stderr).toMatch(/^ {2}next: {2}\S/m);
  expect(Object.values(cluster.etcdPids())).toEqual([undefined, undefined, undefined]);
  expect(cluster.record()).toBeUndefined();
  return outcome;
}

/** Restarts the agent with other settings or another environment, and back at the end of the test. */
async function agentWith(settings: Record<string, string>, env: Record<string, string> = {}, who = node) {
  undo.push(async () => {
    await who.endAgent();
    who.configure({});
    await who.startAgent();
  });
  await who.endAgent();
  who.configure(settings);
  await who.startAgent(env);
}

/** Only `--version` is ever run of it: no released 3.5.1 is needed to see that one is refused. */
function etcdThatSays(version: string): string {
  const path = join(cluster.dir, `etcd-${version}`);
  writeFileSync(path, `#!/bin/sh\necho "etcd Version: ${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

function listenOn(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
  });
}

describe('a host', () => {
  it('without etcd', async () => {
    await agentWith({ etcdBinary: '/nonexistent/etcd' });
    expect(await failures()).toContainEqual({
      node: 'etcd1',
      check: 'etcd',
      result: 'fail',
      message: 'there is no /nonexistent/etcd',
      next: 'install etcd there, or put etcd: { install: ... } into the topology (coordinator template), then coordinator apply',
    });
    expect((await refusedBootstrap()).stderr).toContain('where: etcd1 etcd: there is no /nonexistent/etcd');
  });

  it('with an etcd that does not run', async () => {
    const broken = join(cluster.dir, 'etcd-broken');
    writeFileSync(broken, '\u007fELF not really');
    chmodSync(broken, 0o755);
    await agentWith({ etcdBinary: broken });
    const [finding] = await failures();
    expect(finding).toMatchObject({ node: 'etcd1', check: 'etcd', next: `run ${broken} --version on etcd1` });
    expect(finding!.message).toContain(broken);
  });

  it('with another version than the others', async () => {
    await agentWith({ etcdBinary: etcdBinaries('3.4.23').etcd });
    const found = await failures();
    expect(found.map(({ node: name, check }) => `${name} ${check}`)).toEqual([
      'etcd0 etcd-version',
      'etcd1 etcd-version',
      'etcd2 etcd-version',
    ]);
    expect(found[1]!.message).toBe('3.4.23, but etcd0 has 3.5.30, etcd2 has 3.5.30');
  });

  it('with etcd 3.5.1, which can lose consistency', async () => {
    await agentWith({ etcdBinary: etcdThatSays('3.5.1') });
    const found = (await failures()).find(({ node: name }) => name === 'etcd1');
    expect(found).toMatchObject({ check: 'etcd-version' });
    expect(found!.message).toContain('3.5.1 can lose consistency');
  });

  it('with its peer port taken by another program, which goes on undisturbed', async () => {
    const server = await listenOn(node.ports.peer);
    const found = await failures();
    expect(found).toContainEqual({
      node: 'etcd1',
      check: 'port-peer',
      result: 'fail',
      message: `127.0.0.1 port ${node.ports.peer} is taken by another program`,
      next: `on etcd1: ss -ltnp sport = :${node.ports.peer}`,
    });
    expect((await refusedBootstrap()).stderr).toContain(`etcd1 port-peer: 127.0.0.1 port ${node.ports.peer}`);
    expect(server.listening).toBe(true);
  });

  it('with files in its data dir, which stay as they are', async () => {
    mkdirSync(node.dataDir);
    undo.push(() => rmSync(node.dataDir, { recursive: true }));
    writeFileSync(join(node.dataDir, 'important.txt'), 'years of work');
    const [finding, ...more] = await failures();
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ node: 'etcd1', check: 'data-dir' });
    expect(finding!.message).toBe(`${node.dataDir}: it holds important.txt, which this agent did not make`);
    expect(finding!.next).toContain(`mv ${node.dataDir} `);
    await refusedBootstrap();
    expect(readdirSync(node.dataDir)).toEqual(['important.txt']);
    expect(readFileSync(join(node.dataDir, 'important.txt'), 'utf8')).toBe('years of work');
  });

  it('with a clock that is ten seconds ahead', async () => {
    await agentWith({}, wrongClock('+10s'));
    const [finding, ...more] = await failures();
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      node: 'etcd1',
      check: 'clock',
      next: 'synchronise the clocks: chronyc makestep, or timedatectl set-ntp true',
    });
    const told = /^\+(\d+\.\d+) s from this host \(± (\d+\.\d+) s\)$/.exec(finding!.message);
    const [aheadS, uncertainS] = [Number(told?.[1]), Number(told?.[2])];
    expect(Math.abs(aheadS - 10), finding!.message).toBeLessThanOrEqual(uncertainS + 0.05);
    await refusedBootstrap();
  });

  it('with a full disk under its data dir', async ({ skip }) => {
    const disk = mountSmall(join(node.dir, 'disk'), '8m', skip);
    undo.push(disk.unmount);
    const text = cluster.topologyText();
    const changed = text.replace(node.dataDir, join(disk.path, 'data'));
    expect(changed).not.toBe(text);
    writeFileSync(join(cluster.stateDir, 'cluster.yaml'), changed);
    undo.push(() => writeFileSync(join(cluster.stateDir, 'cluster.yaml'), text));
    disk.fill();
    const [finding, ...more] = await failures();
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ node: 'etcd1', check: 'disk-free' });
    expect(finding!.message).toMatch(/^0 MiB free: etcd needs at least 256 MiB to begin$|no space left/i);
    expect(finding!.next).toContain('make room');
  });

  it('whose agent does not run', async () => {
    await node.endAgent();
    undo.push(() => node.startAgent());
    const [finding, ...more] = await failures(5);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ node: 'etcd1', check: 'agent' });
    expect(finding!.message).toMatch(/^the agent of etcd1 cannot be reached: .*ECONNREFUSED/);
    expect(finding!.next).toContain('systemctl status etcd-agent');
    const outcome = await cluster.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(5);
    expect(outcome.stderr).toContain(`where: etcd1 (127.0.0.1 port ${node.ports.agent})`);
    expect(outcome.stderr).toContain('cause: etcd-agent is not running there, or listens on another port');
  });

  it('whose agent is there but answers nothing', async () => {
    node.pauseAgent();
    undo.push(() => node.resumeAgent());
    const outcome = await cluster.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(5);
    expect(outcome.stderr).toMatch(/error: the agent of etcd1 cannot be reached/);
    expect(outcome.tookMs).toBeLessThan(30_000);
  });

  it('with all of these put right becomes a cluster: nothing of it was spoilt', async () => {
    const outcome = await cluster.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    expect(outcome.stdout.match(/is healthy: successfully committed proposal: took = /g)).toHaveLength(3);
  });
});

describe("an agent's own disk", () => {
  it('that is full stops a bootstrap with the file that could not be written; with room again it goes on', async ({
    skip,
  }) => {
    const small = await testCluster({ nodes: 1 });
    const only = small.nodes[0]!;
    const disk = mountSmall(only.stateDir, '4m', skip);
    undo.push(disk.unmount);
    undo.push(() => only.endAgent());
    undo.push(async () => {
      for (const pid of only.etcdPids()) process.kill(pid, 'SIGKILL');
    });
    await small.prepare();
    disk.fill();
    const outcome = await small.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(1);
    expect(outcome.stderr).toMatch(/error: etcd0 failed: .*no space left/i);
    expect(outcome.stderr).toMatch(/^ {2}next: /m);
    expect(outcome.stderr).not.toContain('COORDINATOR_DEBUG');
    disk.empty();
    const again = await small.bootstrap();
    expect(again.code, describeOutcome(again)).toBe(0);

    // Without power, and full when it is back: there is room for its lock, and its etcd has a disk of its own.
    await powerOff(only);
    disk.fill();
    await only.startAgent();
    await waitFor(
      'etcd to serve again',
      async () => (await small.coordinator(['status'])).code === 0,
      30_000,
    );
  });
});

describe('a node reached from another address than its certificate names', () => {
  it('is found before etcd would refuse it', async () => {
    // All of 127.0.0.0/8 is on this host; a connection from here to 127.0.0.1 comes from 127.0.0.1.
    const other = await testCluster({ nodes: 2 });
    const second = other.node('etcd1');
    const port = second.ports.agent;
    other.writeTopology(
      other.topologyText().replace('name: etcd1, address: 127.0.0.1', 'name: etcd1, address: 127.0.0.2'),
    );
    second.configure({ listen: `0.0.0.0:${port}` });
    await other.prepare();
    const outcome = await other.coordinator(['check', '-o', 'json']);
    expect(outcome.code, describeOutcome(outcome)).toBe(6);
    const { findings } = JSON.parse(outcome.stdout) as { findings: Finding[] };
    expect(findings.filter(({ result }) => result === 'fail')).toEqual([
      {
        node: 'etcd1',
        check: 'source-address',
        result: 'fail',
        message: 'etcd0 sees it come from 127.0.0.1, but its certificate names 127.0.0.2',
        next: 'use that address for the node, or remove the NAT or the route between the hosts',
      },
    ]);
  });
});

describe('an agent told to listen on an address that its host does not have', () => {
  it('does not start, and says which setting to correct', async () => {
    const other = await testCluster({ nodes: 1 });
    const only = other.nodes[0]!;
    // 192.0.2.0/24 is for documents (RFC 5737): no host has it.
    only.configure({ listen: '192.0.2.1:2400' });
    const outcome = await only.agentCommand(['run'], { timeoutMs: 20_000 });
    expect(outcome.code, describeOutcome(outcome)).toBe(1);
    expect(outcome.stderr).toContain('cannot listen on 192.0.2.1:2400: the address is not on this host');
    expect(outcome.stderr).toContain('next: set listen in agent.yaml, or --listen ADDRESS:PORT');
    expect(existsSync(only.dataDir)).toBe(false);
  });

  it('nor on a port that another program has', async () => {
    const other = await testCluster({ nodes: 1 });
    const only = other.nodes[0]!;
    await listenOn(only.ports.agent);
    const outcome = await only.agentCommand(['run'], { timeoutMs: 20_000 });
    expect(outcome.code, describeOutcome(outcome)).toBe(1);
    expect(outcome.stderr).toContain(
      `cannot listen on 127.0.0.1:${only.ports.agent}: another program has this port`,
    );
  });
});
