/**
 * A bootstrap that is given up, and a host that has to begin again: cut short in the middle, both go on to a whole cluster, and
 * no member starts empty under an id that it has had.
 */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectEnd,
  expectWhole,
  strikeAt,
  type TestCluster,
  type TestNode,
  testCluster,
  waitFor,
} from '../support/index.js';
import { eventLines, newestEvent, quarantinesOn } from '../worlds/loopback/agent-record.js';
import { askEtcd } from '../worlds/loopback/etcd-access.js';
import { backUpHost, powerOff, restoreHost } from '../worlds/loopback/faults.js';

describe('a reset that is cut short', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster({ nodes: 3 });
    await cluster.prepare();
  });
  afterAll(() => cluster.close());

  test('is still a reset when bootstrap is run again without --reset', async () => {
    // All three have begun; the coordinator did not live to see them healthy, and no quorum is left.
    await strikeAt(cluster, 'Wait until', 'begin', (coordinator) => coordinator.kill('SIGKILL'));
    const before = cluster.record()!;
    expect(before.completedAt).toBeUndefined();
    await waitFor('every WAL to be seen', () =>
      cluster.nodes.every((node) => node.confValue('ETCD_INITIAL_CLUSTER_STATE') === 'existing'),
    );
    // Two that cannot come up again, WAL or not: their backend is no bolt file any more.
    const [, broken, old] = cluster.nodes as [TestNode, TestNode, TestNode];
    await powerOff(old);
    backUpHost(old);
    for (const { dataDir } of [broken, old])
      writeFileSync(join(dataDir, 'member', 'snap', 'db'), 'no bolt file');
    await broken.killEtcd();
    await old.startAgent();

    const { struck } = await strikeAt(
      cluster,
      'Move the data',
      'end',
      (coordinator) => coordinator.kill('SIGKILL'),
      ['--reset'],
    );
    expect(struck).toBe(true);
    expect(cluster.record()).toMatchObject({ bootstrapId: before.bootstrapId, resetting: true });

    await expectWhole(cluster, await cluster.bootstrap());
    const after = cluster.record()!;
    expect(after.bootstrapId).not.toBe(before.bootstrapId);
    expect(after.members.map(({ memberId }) => memberId)).not.toEqual(
      before.members.map(({ memberId }) => memberId),
    );
    for (const { dataDir } of cluster.nodes) {
      const aside = readdirSync(dirname(dataDir)).filter((name) =>
        name.startsWith(`${basename(dataDir)}.quarantine-`),
      );
      expect(aside.length).toBeGreaterThan(0);
    }
  });

  test('is not undone by a host that comes back from an older backup: its etcd is not started, its data stays', async () => {
    const others = cluster.nodes.slice(0, 2);
    const old = cluster.nodes[2]!;
    await powerOff(old);
    restoreHost(old);
    const data = dataOf(old);
    // Nobody is there to ask when it comes back.
    for (const node of others) node.pauseAgent();
    let mark = newestEvent(old);
    await old.startAgent();
    const asks = /^waiting startEtcd asking the other agents where this member was: none answers/;
    await waitFor('why it waits', () => eventLines(old, mark).some((line) => asks.test(line)), 30_000);
    for (const node of others) node.resumeAgent();
    await waitFor('the fence', () => eventLines(old, mark).includes('done fence stopEtcd'));
    expect(old.etcdPids()).toEqual([]);

    // Its agent remembers that when it begins anew and nobody answers.
    await old.endAgent();
    for (const node of others) node.pauseAgent();
    mark = newestEvent(old);
    await old.startAgent();
    const waits = /^waiting fence generation \d+ of another cluster was seen: waiting for the coordinator$/;
    await waitFor('why it waits', () => eventLines(old, mark).some((line) => waits.test(line)));
    for (const node of others) node.resumeAgent();

    // What the coordinator wants it to be, it may not be told over data of the former cluster.
    expectEnd(await cluster.bootstrap(), 6, /data of bootstrap \S+ is still in /, /token etcd2 --replace/);
    expect(old.etcdPids()).toEqual([]);
    expect(dataOf(old)).toEqual(data);
    const { clusterId } = cluster.record()!;
    for (const node of others)
      expect((await askEtcd(cluster, node, (admin) => admin.status())).clusterId).toBe(clusterId);
  });
});

/** Where the data of a node is, and what of it was moved aside. */
function dataOf(node: TestNode) {
  const wals = readdirSync(join(node.dataDir, 'member', 'wal')).filter((name) => name.endsWith('.wal'));
  expect(wals).not.toEqual([]);
  return { inode: statSync(node.dataDir).ino, wals, aside: quarantinesOn(node) };
}

describe('a host that was reinstalled before its etcd had ever started', () => {
  let cluster: TestCluster;

  afterAll(() => cluster.close());

  /** On a busy machine the coordinator may have begun to start etcd before it is struck: then another cluster is tried. */
  const configuredOnly = async (triesLeft: number): Promise<TestNode> => {
    cluster = await testCluster({ nodes: 3 });
    await cluster.prepare();
    const { struck } = await strikeAt(cluster, 'Configure', 'end', (coordinator) =>
      coordinator.kill('SIGKILL'),
    );
    expect(struck).toBe(true);
    const [, , node] = cluster.nodes;
    await node!.endAgent();
    if (!existsSync(node!.dataDir) || triesLeft === 0) return node!;
    await cluster.close();
    return configuredOnly(triesLeft - 1);
  };

  test('is enrolled again, and the others learn its new certificate before they are asked whether they reach it', async () => {
    const node = await configuredOnly(5);
    rmSync(node.stateDir, { recursive: true });
    expect(existsSync(node.dataDir)).toBe(false);
    await cluster.giveTokens([node.name]);
    await node.startAgent();
    await expectWhole(cluster, await cluster.bootstrap());
  });
});
