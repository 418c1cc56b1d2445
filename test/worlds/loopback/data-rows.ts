/**
 * The data of a member is gone, damaged, or older than it was, or its entry is: its own agent takes it out and in again, and
 * no acknowledged write is lost. Written once, run on each version of etcd.
 */
import { beforeAll, expect, test } from 'vitest';
import { type EtcdVersion, waitFor } from '../../support/index.js';
import { eventLines, newestEvent, repairsOf } from './agent-record.js';
import { askEtcd, changeMembers, raiseAlarm } from './etcd-access.js';
import {
  copyDisk,
  corruptWal,
  divergeStore,
  powerOff,
  removeDataDir,
  rollBack,
  truncateDb,
  wipe,
} from './faults.js';
import { HealingWorld } from './healing-world.js';

/** A server older than 3.4 does not tell of its alarms: agents ask it once a minute. */
const alarmSeenMs = 90_000;

const allRows = [
  'killed',
  'running',
  'walDamaged',
  'dbDamaged',
  'removed',
  'different',
  'rolledBack',
] as const;
type Row = (typeof allRows)[number];

/** These rows, in order, on one cluster of three. */
export function tellDataRows(version: EtcdVersion, rows: readonly Row[] = allRows): void {
  const row = (name: Row) => (rows.includes(name) ? test : () => undefined);
  let world: HealingWorld;
  let copy: string;

  beforeAll(async () => {
    world = await HealingWorld.start({ version });
    if (!rows.includes('rolledBack')) return () => world.close();
    // For the rollback at the end: by then the others have seen this member for long enough.
    const old = world.nodes[2]!;
    await powerOff(old);
    copy = copyDisk(old);
    await old.startAgent();
    await world.whole(30_000);
    return () => world.close();
  });

  row('killed')('a follower that is killed and wiped joins again under a new id', async () => {
    const [follower, leader] = world.nodes;
    await world.makeLeader(leader!);
    const oldId = await world.memberId(follower!);
    await world.round(() => wipe(follower!, 'killed'), { repaired: [follower!] });
    // Where etcd was being started at the moment of the deletion, it starts empty, and its first words tell.
    world.expectRepaired(follower!, /^rejoin(DataGone|Corrupt)$/, oldId);
    expect(await world.memberId(follower!)).not.toBe(oldId);
  });

  row('running')('a leader whose files are deleted while it runs joins again', async () => {
    const leader = world.nodes[1]!;
    await world.makeLeader(leader);
    const oldId = await world.memberId(leader);
    await world.round(() => wipe(leader, 'running'), { repaired: [leader] });
    world.expectRepaired(leader, 'rejoinDataGone', oldId);
  });

  row('walDamaged')('a leader with a damaged WAL joins again; its data is kept aside', async () => {
    const leader = world.nodes[1]!;
    await world.makeLeader(leader);
    const oldId = await world.memberId(leader);
    await world.round(() => corruptWal(leader), { repaired: [leader] });
    world.expectRepaired(leader, 'rejoinCorrupt', oldId);
    expect(world.quarantinesOfLastRepair(leader)).toHaveLength(1);
  });

  row('dbDamaged')(
    'a follower with a cut-off database joins again, and so does a leader whose data dir is gone',
    async () => {
      const [follower, leader] = world.nodes;
      await world.makeLeader(leader!);
      const ids = await Promise.all([follower!, leader!].map((node) => world.memberId(node)));
      await world.round(() => truncateDb(follower!), { repaired: [follower!] });
      world.expectRepaired(follower!, 'rejoinCorrupt', ids[0]!);
      await world.round(() => removeDataDir(leader!), { repaired: [leader!] });
      world.expectRepaired(leader!, /^rejoin(DataGone|Corrupt)$/, ids[1]!);
    },
  );

  row('removed')('a leader that somebody removed joins again', async () => {
    const [other, leader] = world.nodes;
    await world.makeLeader(leader!);
    const oldId = await world.memberId(leader!);
    await world.round(() => changeMembers(world.cluster, other!, 'remove', oldId), { repaired: [leader!] });
    world.expectRepaired(leader!, 'rejoinRemoved', oldId);
  });

  row('different')(
    'a member whose store differs joins again, and the alarm goes',
    async () => {
      const [different, other] = world.nodes;
      await world.makeLeader(other!);
      const oldId = await world.memberId(different!);
      await askEtcd(world.cluster, other!, (admin) => admin.put('watched', 'value-to-be-changed'));
      await waitFor('the value in the store', async () => {
        const { revision } = await world.admin(different!).status();
        return revision === (await world.admin(other!).status()).revision;
      });
      await powerOffAfterCommit(different!);
      expect(divergeStore(different!, 'value-to-be-changed')).toBeGreaterThan(0);
      await different!.startAgent();
      await world.whole(30_000);
      const before = repairsOf(different!).length;
      await raiseAlarm(world.cluster, other!, 'CORRUPT', '0'.repeat(16));
      await world.orTold(
        waitFor('the repair', () => repairsOf(different!).length > before, alarmSeenMs, 100),
      );
      world.expectRepaired(different!, 'rejoinHashDiffers', oldId);
      await world.whole(30_000);
      await world.orTold(
        waitFor('no alarm', async () => (await world.admin(other!).alarms()).length === 0, alarmSeenMs, 100),
      );
      const read = await askEtcd(world.cluster, different!, (admin) => admin.get('watched'));
      expect(read).toEqual({ kind: 'found', value: 'value-to-be-changed' });
    },
    300_000,
  );

  row('rolledBack')(
    'a host that comes back with an older disk does not start on it: it joins again',
    async () => {
      const old = world.nodes[2]!;
      const oldId = await world.memberId(old);
      const mark = newestEvent(old);
      await world.round(
        async () => {
          await powerOff(old);
          rollBack(old, copy);
          await old.startAgent();
        },
        { repaired: [old] },
      );
      world.expectRepaired(old, 'rejoinRolledBack', oldId);
      expect(eventLines(old, mark).filter((line) => line.includes('startEtcd: '))).toEqual([]);
    },
  );
}

/** etcd writes its store out ten times a second; what a SIGKILL would lose of it, its log would repair. */
async function powerOffAfterCommit(node: Parameters<typeof powerOff>[0]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 500));
  await powerOff(node);
}
