/**
 * Data that is not ours is never touched, and data that was ours is never forgotten: what a bootstrap refuses, with the
 * proof that it left things as they were.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectEnd,
  expectWhole,
  fingerprint,
  killAndWait,
  startProgram,
  strikeAt,
  type TestCluster,
  type TestNode,
  testCluster,
  waitFor,
} from '../support/index.js';

describe('a data dir of somebody else', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster({ nodes: 2 });
    await cluster.prepare();
  });
  afterAll(() => cluster.close());

  test('with files in it stops the bootstrap with exit code 6, and not a byte or time stamp of it changes', async () => {
    const [node] = cluster.nodes;
    mkdirSync(join(node!.dataDir, 'photos'), { recursive: true });
    writeFileSync(join(node!.dataDir, 'photos', 'holiday.jpg'), 'irreplaceable');
    const before = fingerprint(node!.dataDir);
    const outcome = await cluster.bootstrap();
    expectEnd(outcome, 6, node!.name, 'photos', 'next:');
    expect(fingerprint(node!.dataDir)).toEqual(before);
    expect(cluster.record(), 'nothing has begun').toBeUndefined();
    expect(cluster.etcdPids()).toEqual({ etcd0: undefined, etcd1: undefined });
    rmSync(node!.dataDir, { recursive: true });
  });

  test("with the WAL of another cluster stops it likewise, and names that cluster's id", async () => {
    const [, node] = cluster.nodes;
    const clusterId = await makeForeignMember(node!);
    const before = fingerprint(node!.dataDir);
    for (const more of [[], ['--reset']]) {
      const outcome = await cluster.bootstrap(...more);
      expectEnd(outcome, 6, node!.name, `its WAL belongs to cluster ${clusterId}`, 'next:');
      expect(fingerprint(node!.dataDir)).toEqual(before);
    }
    expect(node!.etcdPids()).toEqual([]);
  });

  test('moved away, no longer stops it', async () => {
    const [, node] = cluster.nodes;
    renameSync(node!.dataDir, `${node!.dataDir}.old`);
    const before = fingerprint(`${node!.dataDir}.old`);
    await expectWhole(cluster, await cluster.bootstrap());
    expect(fingerprint(`${node!.dataDir}.old`)).toEqual(before);
  });
});

describe('an unfinished bootstrap', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster({ nodes: 2 });
    await cluster.prepare();
    // Killed before it has seen the members healthy: they have a WAL, the record is not complete.
    const { struck } = await strikeAt(cluster, 'Start etcd', 'end', ({ kill }) => kill('SIGKILL'));
    expect(struck).toBe(true);
    await waitFor('every WAL to be seen', () =>
      cluster.nodes.every((node) => node.confValue('ETCD_INITIAL_CLUSTER_STATE') === 'existing'),
    );
    expect(cluster.record()).toMatchObject({ generation: 1 });
    expect(cluster.record()!.completedAt).toBeUndefined();
  });
  afterAll(() => cluster.close());

  test('does not start a member empty whose WAL was seen: refused, and the agent does not either', async () => {
    const [node] = cluster.nodes;
    await node!.endAgent();
    await killAndWait(node!.etcdPid()!);
    renameSync(node!.dataDir, `${node!.dataDir}.lost`);
    await node!.startAgent();
    expectEnd(await cluster.bootstrap(), 6, node!.name, /acknowledged writes|has none now/);
    expect(node!.etcdPids()).toEqual([]);
    expect(existsSync(join(node!.dataDir, 'member'))).toBe(false);
  });

  // Without that data: put back it would be started, and a quorum that answers is not reset.
  test('with --reset moves the data that is left aside, keeps it, and begins anew with another token and other ids', async () => {
    const [, other] = cluster.nodes;
    const before = cluster.record()!;
    const outcome = await cluster.bootstrap('--reset');
    const record = await expectWhole(cluster, outcome);
    expect(record.bootstrapId).not.toBe(before.bootstrapId);
    expect(record.clusterId).not.toBe(before.clusterId);
    expect(record.generation).toBeGreaterThan(before.generation);
    const aside = readdirSync(dirname(other!.dataDir)).filter((name) => name.includes('quarantine'));
    expect(aside).toHaveLength(1);
    const wal = join(dirname(other!.dataDir), aside[0]!, 'member', 'wal');
    expect(readdirSync(wal).some((name) => name.endsWith('.wal'))).toBe(true);
  });

  test('finished, is not reset: refused, the same processes, the same record', async () => {
    const before = { pids: cluster.etcdPids(), record: cluster.record() };
    expectEnd(await cluster.bootstrap('--reset'), 6, 'finished', 'living cluster');
    expect({ pids: cluster.etcdPids(), record: cluster.record() }).toEqual(before);
  });
});

describe('a finished cluster', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster({ nodes: 3 });
    // Nothing but the bootstrap and rule one is looked at here: agents that may heal take a lost member out and back in.
    cluster.writeTopology(topologyOf(cluster));
    await cluster.prepare();
    await expectWhole(cluster, await cluster.bootstrap());
  });
  afterAll(() => cluster.close());

  test('whose topology was edited to another peer port is left alone: refused, nothing changed', async () => {
    const file = join(cluster.stateDir, 'cluster.yaml');
    const { peer } = cluster.nodes[2]!.ports;
    const before = { pids: cluster.etcdPids(), record: cluster.record() };
    writeFileSync(file, topologyOf(cluster).replace(`peerPort: ${peer}`, `peerPort: ${peer + 1}`));
    expectEnd(await cluster.bootstrap(), 6, 'topology', 'put the topology back');
    expect({ pids: cluster.etcdPids(), record: cluster.record() }).toEqual(before);
    writeFileSync(file, topologyOf(cluster));
  });

  test('told only to watch, whose member lost its data dir, does not get it started empty by anybody', async () => {
    const [, node] = cluster.nodes;
    await node!.endAgent();
    await killAndWait(node!.etcdPid()!);
    rmSync(node!.dataDir, { recursive: true });
    await node!.startAgent();
    await waitFor('the agent to say why it does nothing', () => node!.agentLog().includes('mode is watch'));
    expectEnd(await cluster.bootstrap(), 6, node!.name, 'acknowledged writes', 'next:');
    // The directory alone, as a mount point that was not mounted: no difference.
    mkdirSync(node!.dataDir);
    await node!.endAgent();
    await node!.startAgent();
    expectEnd(await cluster.bootstrap(), 6, node!.name, 'acknowledged writes');
    expectEnd(await cluster.bootstrap('--reset'), 6, 'finished');
    expect(readdirSync(node!.dataDir)).toEqual([]);
    expect(node!.etcdPids()).toEqual([]);
    expect((await cluster.coordinator(['status'])).code, 'the other two serve').toBe(3);
  });
});

function topologyOf(cluster: TestCluster): string {
  return cluster.topologyText(undefined, '{ mode: watch }');
}

/** Runs etcd once, on its own, on the data dir of `node`. Returns the id of the cluster that it made. */
async function makeForeignMember(node: TestNode): Promise<string> {
  const running = startProgram(node.etcd, [
    ...['--name', 'stranger', '--data-dir', node.dataDir],
    ...['--listen-client-urls', `http://127.0.0.1:${node.ports.client}`],
    ...['--advertise-client-urls', `http://127.0.0.1:${node.ports.client}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${node.ports.peer}`],
    ...['--initial-advertise-peer-urls', `http://127.0.0.1:${node.ports.peer}`],
    ...['--initial-cluster', `stranger=http://127.0.0.1:${node.ports.peer}`],
  ]);
  const clusterId = await waitFor('the foreign etcd to serve', () => {
    const log = running.stderr();
    // One id in sixteen is shorter in etcd's own log, which leaves out zeros at the front.
    return (
      log.includes('ready to serve client requests') &&
      /"cluster-id":"([0-9a-f]+)"/.exec(log)?.[1]?.padStart(16, '0')
    );
  });
  running.kill('SIGTERM');
  await running.ended;
  return clusterId;
}
