/** etcd brought to hosts that have none by the link: what goes wrong on the way, and the cluster that is made of it. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  type Archive,
  etcdArchive,
  expectEnd,
  expectWhole,
  mountSmall,
  type Outcome,
  type TestCluster,
  type TestNode,
  tarOf,
  testCluster,
  waitFor,
} from '../support/index.js';

const MiB = 1024 ** 2;
let cluster: TestCluster;
let good: Archive;

beforeAll(async () => {
  cluster = await testCluster({ version: '3.5.30' });
  good = etcdArchive(cluster.dir, '3.5.30');
  for (const node of cluster.nodes) node.configure({ etcdBinary: 'auto' });
}, 60_000);

/** The topology with this file, written where the operator has it. */
function topologyWith({ file, sha256 }: Archive): void {
  const install = `install: { from: file, file: "${file}", sha256: "${sha256}" }`;
  cluster.writeTopology(cluster.topologyText().replace('etcd: {', `etcd: { ${install},`));
}

const etcds = (node: TestNode) => join(node.stateDir, 'etcd');
const part = (node: TestNode, { sha256 }: Archive) => join(etcds(node), 'incoming', `${sha256}.part`);
const sizeOf = (path: string) => (existsSync(path) ? statSync(path).size : 0);

interface Row {
  readonly node: string;
  readonly result: string;
  readonly message: string;
}
function rowsOf({ stdout }: Outcome): Row[] {
  return (JSON.parse(stdout) as { nodes: Row[] }).nodes;
}
const install = (...words: string[]) => cluster.coordinator(['etcd', 'install', '-o', 'json', ...words]);

test('init refuses a file that is another one than its hash says, and makes no state', async () => {
  topologyWith({ ...good, sha256: 'ab'.repeat(32) });
  const outcome = await cluster.coordinator(['init', '-f', cluster.topologyFile]);
  expectEnd(outcome, 2, `has the SHA-256 ${good.sha256}, not abab`);
  expect(existsSync(join(cluster.stateDir, 'cluster.yaml'))).toBe(false);
});

test('init keeps the file, by its hash; a dry run and check say where it would go, and send nothing', async () => {
  topologyWith(good);
  await cluster.prepare();
  expect(sizeOf(join(cluster.stateDir, 'etcd', good.sha256))).toBe(statSync(good.file).size);
  const { code, stdout } = await cluster.coordinator(['check', '-o', 'json']);
  expect(code).toBe(0);
  const { findings } = JSON.parse(stdout) as { findings: { check: string; message: string }[] };
  expect(findings.filter(({ check }) => check === 'etcd').map(({ message }) => message)).toEqual(
    cluster.nodes.map((node) =>
      expect.stringContaining(`bootstrap installs it: the file is sent to ${etcds(node)}`),
    ),
  );
  const dry = await install('--dry-run');
  expectEnd(dry, 0, 'nothing was changed');
  expect(rowsOf(dry).map(({ result }) => result)).toEqual(['send', 'send', 'send']);
  for (const node of cluster.nodes) expect(existsSync(etcds(node))).toBe(false);
}, 60_000);

test('an agent that is killed in the middle keeps what it has, and the next run goes on from there', async () => {
  const node = cluster.node('etcd0');
  const running = cluster.startCoordinator(['etcd', 'install', 'etcd0', '-o', 'json']);
  await waitFor('some of the file', () => sizeOf(part(node, good)) > 3 * MiB, 30_000, 2);
  await node.endAgent();
  const cut = await running.ended;
  expect(cut.code).not.toBe(0);
  expect(rowsOf(cut)).toMatchObject([{ node: 'etcd0', result: 'failed' }]);
  const had = sizeOf(part(node, good));
  expect(had).toBeLessThan(statSync(good.file).size);
  await node.startAgent();
  // What is there is not sent again: were it, garbage in it would not be noticed.
  const whole = readFileSync(good.file);
  expect(readFileSync(part(node, good)).equals(whole.subarray(0, had))).toBe(true);
  const again = await install('etcd0');
  expectEnd(again, 0);
  expect(rowsOf(again)).toMatchObject([{ result: 'installed', message: expect.stringContaining('3.5.30') }]);
  expect(readlinkSync(join(etcds(node), 'current'))).toBe('3.5.30');
  expect(readdirSync(join(etcds(node), 'current')).sort()).toEqual(['etcd', 'etcdctl', 'source.json']);
  expect(existsSync(join(etcds(node), 'incoming'))).toBe(false);
}, 90_000);

test('what was damaged on the way is found by its hash and sent anew; leftovers of dead attempts go', async () => {
  const node = cluster.node('etcd1');
  mkdirSync(join(etcds(node), 'incoming', 'unpacked'), { recursive: true });
  writeFileSync(join(etcds(node), 'incoming', 'unpacked', 'etcd'), 'half');
  writeFileSync(join(etcds(node), 'incoming', `${'ef'.repeat(32)}.part`), 'another file');
  writeFileSync(part(node, good), Buffer.alloc(2 * MiB));
  const damaged = await install('etcd1');
  expect(damaged.code).not.toBe(0);
  expect(rowsOf(damaged)[0]!.message).toContain('what arrived has the SHA-256');
  expect(readdirSync(join(etcds(node), 'incoming'))).toEqual([]);
  expect(existsSync(join(etcds(node), 'current'))).toBe(false);
  expectEnd(await install('etcd1'), 0);
}, 90_000);

test('a full disk is told before anything is sent', async ({ skip }) => {
  const node = cluster.node('etcd2');
  const disk = mountSmall(etcds(node), '60m', skip);
  try {
    const full = await install('etcd2');
    expect(full.code).not.toBe(0);
    expect(rowsOf(full)[0]!.message).toMatch(/MB free; to receive and unpack this file takes \d+ MB/);
    expect(full.stderr).toContain('make room');
    expect(readdirSync(join(etcds(node), 'incoming'))).toEqual([]);
  } finally {
    disk.unmount();
  }
}, 60_000);

test('an archive with a link for etcd is refused, and what is in use stays', async () => {
  const node = cluster.node('etcd0');
  const trap = join(cluster.dir, 'trap');
  mkdirSync(trap);
  symlinkSync('/bin/sh', join(trap, 'etcd'));
  topologyWith(tarOf(join(cluster.dir, 'trap.tar.gz'), trap, 'etcd'));
  expectEnd(await cluster.coordinator(['apply', '-f', cluster.topologyFile]), 0);
  const refused = await install('etcd0');
  expect(refused.code).not.toBe(0);
  expect(rowsOf(refused)[0]!.message).toContain('etcd in it is a symlink, not a file');
  expect(readlinkSync(join(etcds(node), 'current'))).toBe('3.5.30');
  expect(readdirSync(join(etcds(node), 'incoming'))).toEqual([]);
  topologyWith(good);
  expectEnd(await cluster.coordinator(['apply', '-f', cluster.topologyFile]), 0);
}, 60_000);

test('bootstrap installs it where it is still missing, and starts a cluster of it', async () => {
  const outcome = await cluster.bootstrap();
  expect(outcome.stderr).toContain('Install etcd on etcd2');
  await expectWhole(cluster, outcome);
  const pids = cluster.etcdPids();
  for (const node of cluster.nodes)
    expect(readlinkSync(`/proc/${pids[node.name]}/exe`)).toBe(join(etcds(node), '3.5.30', 'etcd'));
  const audited = readFileSync(join(cluster.stateDir, 'audit.jsonl'), 'utf8');
  const begun = [...audited.matchAll(/"operation":"([^"]+)".*"action":"etcd install","nodes":\["etcd2"\]/g)];
  expect(audited).toMatch(
    new RegExp(`"operation":"${begun.at(-1)![1]}","event":"ended","outcome":"ok".*"version":"3\\.5\\.30"`),
  );
}, 120_000);

test('a run again finds everything there, and changes nothing', async () => {
  const outcome = await install();
  expectEnd(outcome, 0);
  expect(rowsOf(outcome).map(({ result }) => result)).toEqual(['present', 'present', 'present']);
}, 60_000);

test('another file is refused where members run: that would be an upgrade. A bootstrap goes on all the same', async () => {
  const pids = cluster.etcdPids();
  topologyWith(etcdArchive(cluster.dir, '3.5.16'));
  expectEnd(await cluster.coordinator(['apply', '-f', cluster.topologyFile]), 0);
  const held = await install();
  expectEnd(held, 6);
  expect(rowsOf(held)).toMatchObject(
    cluster.nodes.map(() => ({ result: 'held', message: expect.stringContaining('an etcd runs') })),
  );
  expectEnd(await cluster.bootstrap(), 0);
  expect(cluster.etcdPids()).toEqual(pids);
}, 90_000);
