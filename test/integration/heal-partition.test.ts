/** Nodes that cannot reach each other: the minority does nothing, nobody is replaced for being silent, nothing is lost. */
import { beforeAll, expect, test } from 'vitest';
import { askedOr, sleep, waitFor } from '../support/index.js';
import { thoroughTest } from '../support/thorough.js';
import { eventLines, newestEvent, repairsOf } from '../worlds/loopback/agent-record.js';
import { wipe } from '../worlds/loopback/faults.js';
import type { HealingWorld } from '../worlds/loopback/healing-world.js';
import { Partitions } from '../worlds/loopback/partitions.js';

let partitions: Partitions;
let world: HealingWorld;

/** Longer than any time of the policy after which something would be done. */
const cutMs = 6_000;

beforeAll(async () => {
  partitions = await Partitions.start({ version: askedOr('3.3.25') });
  world = partitions.world;
  return () => partitions.close();
});

test('a leader that is cut off: neither side does anything, the others go on, and it is back by itself', async () => {
  const leader = await world.leader();
  const ids = () => Promise.all(world.nodes.map((node) => world.memberId(node)));
  const before = await ids();
  const others = world.nodes.filter((node) => node !== leader);
  const { events, written } = await world.round(async () => {
    partitions.isolate(leader);
    await Promise.all([
      world.explains(leader, 'no linearizable read succeeds'),
      ...others.map((node) => world.explains(node, `neither agent nor etcd of ${leader.name}`)),
    ]);
    await sleep(cutMs);
    expect(await world.list(others)).toHaveLength(3);
    partitions.mend();
  });
  expect(await ids()).toEqual(before);
  const acted = Object.values(events).flatMap((lines) => lines.filter((line) => /^decided/.test(line)));
  expect(acted).toEqual([]);
  // Two of three are a quorum: writes stop for an election and no longer.
  expect(written.longestStallMs).toBeLessThan(cutMs);
});

thoroughTest(
  'a member that is not heard and hears is not replaced, and is well when the network is',
  async () => {
    const [node] = await world.followers();
    const others = world.nodes.filter((each) => each !== node);
    const id = await world.memberId(node!);
    await world.round(async () => {
      partitions.cut([node!], others);
      await sleep(cutMs);
      partitions.mend();
    });
    expect(await world.memberId(node!)).toBe(id);
    expect(world.nodes.flatMap((each) => repairsOf(each))).toEqual([]);
  },
);

test('cut off and wiped, it waits and says why; reached again, it joins again', async () => {
  const [node] = await world.followers();
  const others = world.nodes.filter((each) => each !== node);
  const oldId = await world.memberId(node!);
  const mark = newestEvent(node!);
  await world.round(
    async () => {
      partitions.isolate(node!);
      await wipe(node!, 'killed');
      await waitFor('why it waits', () =>
        eventLines(node!, mark).some((line) => /^waiting rejoin.* quorum: /.test(line)),
      );
      await sleep(3_000);
      expect(eventLines(node!, mark).filter((line) => /^decided/.test(line))).toEqual([]);
      expect((await world.list(others))!.map(({ id }) => id)).toContain(oldId);
      partitions.mend();
    },
    { repaired: [node!] },
  );
  world.expectRepaired(node!, 'rejoinDataGone', oldId);
});
