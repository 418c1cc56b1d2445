/**
 * The data of a member is gone, damaged, or older than it was, or its entry is: its own agent takes it out and in again, and
 * no acknowledged write is lost. Written once, run on each version of etcd.
 */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type EtcdVersion, type TestNode, waitFor } from '../../support/index.js';
import { thorough } from '../../support/thorough.js';
import { eventLines, newestEvent, repairsOf } from './agent-record.js';
import { askEtcd, changeMembers, etcdctl, raiseAlarm } from './etcd-access.js';
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

type Role = 'leader' | 'follower';
/** Which member each row breaks. */
const usualRoles = {
  killed: 'follower',
  running: 'leader',
  walDamaged: 'leader',
  dbDamaged: 'follower',
  removed: 'leader',
  different: 'follower',
  rolledBack: 'follower',
} as const satisfies Record<string, Role>;
type Row = keyof typeof usualRoles;

export interface RowOptions {
  /** Leaders where followers are broken elsewhere, and the other way round. */
  readonly swapped?: boolean;
}

/** These rows, in order, on one cluster of three. */
export function tellDataRows(version: EtcdVersion, { swapped = false }: RowOptions = {}): void {
  const roleIn = (name: Row) => (swapped ? otherRole(usualRoles[name]) : usualRoles[name]);
  const row = (
    name: Row,
    title: (role: Role) => string,
    tell: (role: Role) => Promise<void>,
    msMax?: number,
  ) => {
    test(title(roleIn(name)), () => tell(roleIn(name)), msMax);
  };
  let world: HealingWorld;
  let copy: string;

  beforeAll(async () => {
    world = await HealingWorld.start({ version });
    // For the rollback at the end: by then the others have seen this member for long enough.
    const old = world.nodes[2]!;
    await powerOff(old);
    copy = copyDisk(old);
    await old.startAgent();
    await world.whole(30_000);
    return () => world.close();
  });

  /** The first or the second node, in this role; the other one has the other. */
  async function cast(role: Role): Promise<readonly [broken: TestNode, other: TestNode]> {
    const [first, second] = world.nodes as [TestNode, TestNode, TestNode];
    await world.makeLeader(second);
    return role === 'leader' ? [second, first] : [first, second];
  }

  row(
    'killed',
    (role) => `a ${role} that is killed and wiped joins again under a new id`,
    async (role) => {
      const [broken] = await cast(role);
      const oldId = await world.memberId(broken);
      await world.round(() => wipe(broken, 'killed'), { repaired: [broken] });
      // Where etcd was being started at the moment of the deletion, it starts empty, and its first words tell.
      world.expectRepaired(broken, /^rejoin(DataGone|Corrupt)$/, oldId);
      expect(await world.memberId(broken)).not.toBe(oldId);
    },
  );

  row(
    'running',
    (role) => `a ${role} whose files are deleted while it runs joins again`,
    async (role) => {
      const [broken] = await cast(role);
      const oldId = await world.memberId(broken);
      await world.round(() => wipe(broken, 'running'), { repaired: [broken] });
      world.expectRepaired(broken, 'rejoinDataGone', oldId);
    },
  );

  row(
    'walDamaged',
    (role) => `a ${role} with a damaged WAL joins again; its data is kept aside`,
    async (role) => {
      const [broken] = await cast(role);
      const oldId = await world.memberId(broken);
      await world.round(() => corruptWal(broken), { repaired: [broken] });
      world.expectRepaired(broken, 'rejoinCorrupt', oldId);
      expect(world.quarantinesOfLastRepair(broken)).toHaveLength(1);
    },
  );

  row(
    'dbDamaged',
    (role) =>
      `a ${role} with a cut-off database joins again, and so does a ${otherRole(role)} whose data dir is gone`,
    async (role) => {
      const [cutOff, gone] = await cast(role);
      const ids = await Promise.all([cutOff, gone].map((node) => world.memberId(node)));
      await world.round(() => truncateDb(cutOff), { repaired: [cutOff] });
      world.expectRepaired(cutOff, 'rejoinCorrupt', ids[0]!);
      if (role === 'follower') await world.makeLeader(gone);
      await world.round(() => removeDataDir(gone), { repaired: [gone] });
      world.expectRepaired(gone, /^rejoin(DataGone|Corrupt)$/, ids[1]!);
    },
  );

  row(
    'removed',
    (role) => `a ${role} that somebody removed joins again`,
    async (role) => {
      const [removed, other] = await cast(role);
      const oldId = await world.memberId(removed);
      await world.round(() => changeMembers(world.cluster, other, 'remove', oldId), { repaired: [removed] });
      world.expectRepaired(removed, 'rejoinRemoved', oldId);
    },
  );

  // An older server does not tell of its alarms, and is asked once a minute: elsewhere the same is over in seconds.
  if (thorough || version !== '3.3.25') {
    row(
      'different',
      (role) => `a ${role} whose store differs joins again, and the alarm goes`,
      async (role) => replaceDifferent(world, role, await cast(role)),
      300_000,
    );
  }

  row(
    'rolledBack',
    (role) => `a host of a ${role} that comes back with an older disk does not start on it: it joins again`,
    async (role) => {
      const [other, , old] = world.nodes as [TestNode, TestNode, TestNode];
      await world.makeLeader(role === 'leader' ? old : other);
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

/** A value of one member is changed in its store, and the alarm is raised: that member joins again, with what the others have. */
export async function replaceDifferent(
  world: HealingWorld,
  role: Role,
  [different, other]: readonly [broken: TestNode, other: TestNode],
): Promise<void> {
  const oldId = await world.memberId(different);
  await askEtcd(world.cluster, other, (admin) => admin.put('watched', 'value-to-be-changed'));
  await waitFor('the value in the store', async () => {
    const revision = (await world.status(different))?.revision;
    return revision !== undefined && revision === (await world.status(other))?.revision;
  });
  await powerOffAfterCommit(world, different);
  expect(divergeStore(different, 'value-to-be-changed')).toBeGreaterThan(0);
  await different.startAgent();
  await world.whole(30_000);
  if (role === 'leader') await world.makeLeader(different);
  const before = repairsOf(different).length;
  await raiseAlarm(world.cluster, other, 'CORRUPT', '0'.repeat(16));
  await world.orTold(waitFor('the repair', () => repairsOf(different).length > before, alarmSeenMs, 100));
  world.expectRepaired(different, 'rejoinHashDiffers', oldId);
  await world.whole(30_000);
  await world.orTold(
    waitFor('no alarm', async () => (await world.admin(other).alarms()).length === 0, alarmSeenMs, 100),
  );
  const read = await askEtcd(world.cluster, different, (admin) => admin.get('watched'));
  expect(read).toEqual({ kind: 'found', value: 'value-to-be-changed' });
}

function otherRole(role: Role): Role {
  return role === 'leader' ? 'follower' : 'leader';
}

/** What a SIGKILL would lose of its store, its log would repair: etcd writes all of it out before it hands out a snapshot. */
async function powerOffAfterCommit({ cluster }: HealingWorld, node: TestNode): Promise<void> {
  await etcdctl(cluster, node, ['snapshot', 'save', join(cluster.dir, `commit-${performance.now()}.db`)]);
  await powerOff(node);
}
