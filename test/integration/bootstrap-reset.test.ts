/**
 * A bootstrap that is given up, and a host that has to begin again: cut short in the middle, both go on to a whole cluster, and
 * no member starts empty under an id that it has had.
 */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectWhole, strikeAt, type TestCluster, testCluster, waitFor } from '../support/index.js';

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
    for (const node of cluster.nodes.slice(1)) {
      writeFileSync(join(node.dataDir, 'member', 'snap', 'db'), 'no bolt file');
      await node.killEtcd();
    }

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
});

describe('a host that was reinstalled before its etcd had ever started', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster({ nodes: 3 });
    await cluster.prepare();
  });
  afterAll(() => cluster.close());

  test('is enrolled again, and the others learn its new certificate before they are asked whether they reach it', async () => {
    const { struck } = await strikeAt(cluster, 'Configure', 'end', (coordinator) =>
      coordinator.kill('SIGKILL'),
    );
    expect(struck).toBe(true);
    const [, , node] = cluster.nodes;
    await node!.endAgent();
    rmSync(node!.stateDir, { recursive: true });
    expect(existsSync(node!.dataDir)).toBe(false);
    await cluster.giveTokens([node!.name]);
    await node!.startAgent();
    await expectWhole(cluster, await cluster.bootstrap());
  });
});
