/** An agent that is stopped (SIGSTOP) while a person replaces its member by hand: awake again, it does no harm. */
import { beforeAll, expect, test } from 'vitest';
import { waitFor } from '../support/index.js';
import { sampled } from '../support/thorough.js';
import { journalOf, repairsOf } from '../worlds/loopback/agent-record.js';
import { replaceByHand } from '../worlds/loopback/by-hand.js';
import { wipe } from '../worlds/loopback/faults.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';

/** In their order: one may be over before a look sees it, and what comes after it does as well. */
const stages = ['removing', 'quarantining', 'adding', 'added', 'joining', 'promoting', 'finishing'];

let world: HealingWorld;

beforeAll(async () => {
  world = await HealingWorld.start();
  return () => world.close();
});

test.each(sampled(['added', 'removing'], 2))(
  'in the middle of its repair (%s): awake again, it ends with one healthy member',
  async (stage) => {
    const node = world.nodes[0]!;
    await world.round(async () => {
      await wipe(node, 'killed');
      const reached = stages.slice(stages.indexOf(stage));
      await waitFor(`the stage ${stage}`, () => reached.includes(journalOf(node)?.stage ?? ''), 30_000, 1);
      node.pauseAgent();
      await replaceByHand(world, node);
      node.resumeAgent();
    });
  },
);

test('without a repair: it takes the new member over and replaces nothing', async () => {
  const node = world.nodes[1]!;
  const before = repairsOf(node).length;
  let id = '';
  await world.round(async () => {
    node.pauseAgent();
    id = await replaceByHand(world, node);
    node.resumeAgent();
  });
  expect(await world.memberId(node)).toBe(id);
  expect(repairsOf(node)).toHaveLength(before);
});
