/**
 * etcd ends, hangs, loses its configuration, or is complained about, and its data is fine: it goes on as the member it is; one
 * whose store differs does not. And what must not be touched is not: data of another cluster, a disk that nobody knows.
 * Written once, run on each version of etcd.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  type EtcdVersion,
  freePorts,
  killAndWait,
  mountSmall,
  startProgram,
  type TestNode,
  waitFor,
} from '../../support/index.js';
import { thoroughTest } from '../../support/thorough.js';
import { eventLines, newestEvent, repairsOf } from './agent-record.js';
import { replaceDifferent } from './data-rows.js';
import { changeMembers, etcdctl, raiseAlarm } from './etcd-access.js';
import { hang, loseConf, powerOff, wipe } from './faults.js';
import { HealingWorld, type Round, type RoundEnd } from './healing-world.js';

/** These rows, in order, on one cluster of three. */
export function tellProcessRows(version: EtcdVersion): void {
  let world: HealingWorld;

  beforeAll(async () => {
    world = await HealingWorld.start({ version });
    return () => world.close();
  });

  test('a killed follower and a killed leader are started again as the members they are', async () => {
    const [follower, leader] = world.nodes;
    await world.makeLeader(leader!);
    await untouched(async () => {
      await Promise.all([follower!.killEtcd(), leader!.killEtcd()]);
    });
  });

  thoroughTest('all etcds and agents killed at once: with the agents back, the cluster is back', async () => {
    await untouched(async () => {
      await Promise.all(world.nodes.map(powerOff));
      await Promise.all(world.nodes.map((node) => node.startAgent()));
    });
  });

  test('a hanging leader is restarted, and so is a hanging follower', async () => {
    const [follower, leader] = world.nodes;
    await world.makeLeader(leader!);
    for (const node of [leader!, follower!]) {
      const { events } = await untouched(async () => hang(node));
      expect(events[node.name]!.join('\n')).toContain('done unhang restartEtcd');
    }
  });

  thoroughTest('a lost /etc/etcd is written again as it was', async () => {
    const node = world.nodes[0]!;
    const names = ['etcd.conf', 'etcd.pem', 'etcd-key.pem', 'etcd-root-ca.pem', 'peer.pem', 'peer-key.pem'];
    const read = () => names.map((name) => node.read('etc', name));
    const before = read();
    const { events } = await untouched(() => loseConf(node));
    expect(read()).toEqual(before);
    expect(events[node.name]!.join('\n')).toContain('done restoreFiles');
  });

  test('an entry that nobody starts is removed after a while, learner or voter', async () => {
    const [port] = await freePorts(1);
    for (const more of version === '3.3.25' ? [[]] : [['--learner'], []]) {
      const { events } = await untouched(async () => {
        const url = `--peer-urls=https://127.0.0.1:${port}`;
        await changeMembers(world.cluster, world.nodes[0]!, 'add', 'ghost', url, ...more);
      });
      expect(events.etcd0!.join('\n')).toContain('done removeOrphan');
      for (const node of ['etcd1', 'etcd2'])
        expect(events[node]!.join('\n')).not.toContain('decided removeOrphan');
    }
  });

  test('a member is not replaced for NOSPACE; wiped while the alarm is armed, it joins again, and the alarm stays', async () => {
    const [node, other] = world.nodes;
    const id = await world.memberId(node!);
    const mark = newestEvent(other!);
    const repairs = repairsOf(node!).length;
    await raiseAlarm(world.cluster, other!, 'NOSPACE', id);
    // A server older than 3.4 does not tell of its alarms: agents ask it once a minute.
    await waitFor(
      'the report',
      () => eventLines(other!, mark).some((line) => /^waiting noSpace NOSPACE/.test(line)),
      90_000,
    );
    expect(repairsOf(node!)).toHaveLength(repairs);
    await wipe(node!, 'killed');
    await world.orTold(waitFor('the repair', () => repairsOf(node!).length > repairs, 60_000, 100));
    await world.whole(30_000);
    expect(await world.admin(other!).alarms()).toEqual([{ memberId: id, type: 'NOSPACE' }]);
    await etcdctl(world.cluster, other!, ['alarm', 'disarm']);
  });

  // heal-data runs on 3.3.25, where this one takes minutes.
  if (version !== '3.3.25') {
    test('a member whose store differs joins again, and the alarm goes', async () => {
      const [different, other] = world.nodes as [TestNode, TestNode, TestNode];
      await world.makeLeader(other);
      await replaceDifferent(world, 'follower', [different, other]);
    });
  }

  test("another cluster's data is neither started nor moved; given its own back, the member goes on", async () => {
    const node = world.nodes[0]!;
    const own = join(node.dir, 'own-data');
    await untouched(async () => {
      await powerOff(node);
      renameSync(node.dataDir, own);
      await makeForeign(world, node);
      const mark = newestEvent(node);
      await node.startAgent();
      await world.orTold(
        waitFor('the report', () => eventLines(node, mark).some((line) => /^waiting foreignData/.test(line))),
      );
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(eventLines(node, mark).filter((line) => /^(decided|done) /.test(line))).toEqual([]);
      expect(node.etcdPids()).toEqual([]);
      expect(existsSync(join(node.dataDir, 'member', 'wal'))).toBe(true);
      rmSync(node.dataDir, { recursive: true });
      renameSync(own, node.dataDir);
    });
  });

  test('a new empty disk is left alone until a person accepts it; then the member joins again onto it', async (context) => {
    const node = world.nodes[0]!;
    const [, other] = world.nodes;
    const oldId = await world.memberId(node);
    await powerOff(node);
    const mark = newestEvent(node);
    const disk = mountSmall(node.dataDir, '600m', (why) => context.skip(why));
    try {
      await node.startAgent();
      await world.orTold(
        waitFor('the report', () => eventLines(node, mark).some((line) => /^waiting newDisk/.test(line))),
      );
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      expect(eventLines(node, mark).filter((line) => /^(decided|done) /.test(line))).toEqual([]);
      expect((await world.list([other!]))!.map(({ id }) => id)).toContain(oldId);
      const accept = ['node', 'accept-disk', node.name];
      await world.round(async () => void (await world.cluster.must(accept)), { repaired: [node] });
      world.expectRepaired(node, 'rejoinDataGone', oldId);
    } finally {
      // The member that lived there is gone with it; this is the file's last test.
      await powerOff(node);
      disk.unmount();
    }
  });

  /** A round after which every member is the one that it was, and nothing was replaced. */
  async function untouched(fault: () => Promise<void>, ends: RoundEnd = {}): Promise<Round> {
    const ids = async () => Promise.all(world.nodes.map((node) => world.memberId(node)));
    const repairs = () => world.nodes.map((node) => repairsOf(node).length);
    const before = { ids: await ids(), repairs: repairs() };
    const round = await world.round(fault, ends);
    expect({ ids: await ids(), repairs: repairs() }).toEqual(before);
    return round;
  }
}

/** A data dir of a cluster of one, made by a real etcd that is not under any agent. */
async function makeForeign(world: HealingWorld, node: TestNode): Promise<void> {
  mkdirSync(node.dataDir, { mode: 0o700 });
  const [client, peer] = await freePorts(2);
  const url = `http://127.0.0.1:${peer}`;
  const args = [
    ...['--data-dir', node.dataDir, '--name', 'stranger', '--initial-cluster', `stranger=${url}`],
    ...['--listen-peer-urls', url, '--initial-advertise-peer-urls', url],
    ...['--listen-client-urls', `http://127.0.0.1:${client}`],
    ...['--advertise-client-urls', `http://127.0.0.1:${client}`],
  ];
  const stranger = startProgram(world.cluster.binaries.etcd, args);
  // Its log is the last that it makes, and what shows whose data it is.
  const wal = join(node.dataDir, 'member', 'wal');
  await waitFor(
    'its log',
    () => existsSync(wal) && readdirSync(wal).some((name) => name.endsWith('.wal')),
    60_000,
  );
  await killAndWait(stranger.pid);
}
