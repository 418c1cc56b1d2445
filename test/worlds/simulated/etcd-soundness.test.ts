import { expect, it } from 'vitest';
import { SimChance } from './chance.js';
import { ModelCluster } from './etcd-cluster.js';
import { cloneDisk, type EtcdDisk } from './etcd-disk.js';

// A model that lost writes by itself would blame healing for it, and one that could not would prove nothing.

/** As many histories, each of so many faults. */
const histories = 30;
const faults = 40;

it('loses no acknowledged write, whatever is killed, stopped and cut, as long as disks stay what they are', async () => {
  let all = 0;
  for (let at = 0; at < histories; at++) {
    const { missing, conflicts, written } = await history(`sound ${at}`, false);
    expect({ missing, conflicts }, `history ${at}`).toEqual({ missing: [], conflicts: 0 });
    all += written;
  }
  expect(all / histories).toBeGreaterThan(100);
});

it('loses some where disks are rolled back', async () => {
  let lost = 0;
  for (let at = 0; at < histories && lost === 0; at++)
    lost += (await history(`unsound ${at}`, true)).missing.length;
  expect(lost).toBeGreaterThan(0);
});

async function history(seed: string, rollBack: boolean) {
  const chance = new SimChance(seed);
  const size = chance.pick([3, 5]);
  const cluster = await ModelCluster.started(seed, chance.pick(['3.3.25', '3.4.23', '3.5.30']), size);
  const { clock, network, members } = cluster;
  const acknowledged: string[] = [];
  let over = false;
  const writes = members.map(async ({ admin }, writer) => {
    const pause = clock.forProcess({ deliver: (resume) => resume() });
    for (let at = 0; !over; at++) {
      const key = `${writer}-${at}`;
      await admin.put(key, key).then(
        () => acknowledged.push(key),
        () => {},
      );
      await pause.sleep(chance.between(20, 400));
    }
  });
  const names = members.map(({ node }) => node);
  const older = new Map<string, EtcdDisk>();
  for (let at = 0; at < faults; at++) {
    const member = chance.pick(members);
    switch (chance.int(0, 9)) {
      case 0:
      case 1:
        member.kill();
        if (rollBack && older.has(member.node)) cluster.model.setDisk(member.node, older.get(member.node));
        break;
      case 2:
      case 3:
      case 4:
        for (const each of members) if (each.process?.running !== true) each.start();
        break;
      case 5:
        member.process?.hang(true);
        break;
      case 6:
        for (const each of members) each.process?.hang(false);
        break;
      case 7:
        network.cut(chance.pick(names), chance.pick(names));
        if (chance.happens(0.3)) network.partition(names.slice(0, 2), names.slice(2));
        break;
      default:
        network.mendAll();
    }
    if (rollBack && chance.happens(0.3) && member.disk !== undefined)
      older.set(member.node, cloneDisk(member.disk));
    await cluster.wait(chance.between(0, 2_500));
  }
  network.mendAll();
  over = true;
  await cluster.wait(3_000);
  await Promise.all(writes);
  const ends = () =>
    members.flatMap(({ ended }) => (ended?.cause.kind === 'exited' ? [ended.lastWords] : []));
  for (const member of members) {
    member.process?.hang(false);
    if (member.process?.running !== true) member.start();
  }
  if (rollBack) await cluster.wait(20_000);
  else {
    await cluster.untilReady();
    expect(ends(), seed).toEqual([]);
  }
  const reader = members.find(({ process }) => process?.ready);
  const missing: string[] = [];
  for (const key of reader === undefined ? [] : acknowledged) {
    const found = await cluster.call(reader!.admin.get(key).catch(() => undefined));
    if (found?.kind === 'absent') missing.push(key);
  }
  return { missing, conflicts: cluster.lost.length, written: acknowledged.length };
}
