/**
 * A repair whose agent, etcd or both are killed at any step goes on from there. The coordinator is not needed: nothing of it
 * runs while the cluster heals. ETCD_AGENT_TEST_SEEDS=3,4,5 strikes at other random moments.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { seeded, waitFor } from '../support/index.js';
import { journalOf, repairsOf } from '../worlds/loopback/agent-record.js';
import { replaceByHand } from '../worlds/loopback/by-hand.js';
import { wipe } from '../worlds/loopback/faults.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';
import { strikeAtEveryStage, strikeAtRandom } from '../worlds/loopback/strikes.js';

/** On 3.3 a member joins as a voter; later as a learner that is promoted. */
describe.each([
  { version: '3.3.25', victim: 'agent and etcd' },
  { version: '3.5.30', victim: 'agent' },
] as const)('etcd $version', ({ version, victim }) => {
  let world: HealingWorld;

  beforeAll(async () => {
    world = await HealingWorld.start({ version });
    return () => world.close();
  });

  test(`a leader without data, ${victim} killed at every stage of its repair: one entry, one etcd, nothing lost`, async () => {
    const leader = world.nodes[1]!;
    await world.makeLeader(leader);
    const oldId = await world.memberId(leader);
    let at: readonly string[] = [];
    await world.round(
      async () => {
        await wipe(leader, 'running');
        ({ at } = await strikeAtEveryStage(leader, victim, 90_000));
      },
      { repaired: [leader], withinMs: 90_000 },
    );
    world.expectRepaired(leader, /^rejoin/, oldId);
    const stages = ['begun', 'removing', 'added', 'joining'];
    expect(at, 'stages at which it was killed').toEqual(expect.arrayContaining(stages));
  });

  const seeds = (process.env.ETCD_AGENT_TEST_SEEDS ?? '1').split(',').map(Number);
  test.each(seeds)('killed at random moments (seed %i): one entry, one etcd, nothing lost', async (seed) => {
    const node = world.nodes[0]!;
    const oldId = await world.memberId(node);
    await world.round(
      async () => {
        await wipe(node, 'killed');
        const { at } = await strikeAtRandom(node, seeded(seed), { times: 5, withinMs: 400 });
        expect(at, 'what was killed, and at which stage').not.toEqual([]);
      },
      { repaired: [node], withinMs: 90_000 },
    );
    world.expectRepaired(node, /^rejoin/, oldId);
  });

  describe.runIf(version === '3.5.30')(
    'an agent that is stopped (SIGSTOP), while a person replaces the member by hand',
    () => {
      test.each(['removing', 'added'])(
        'in the middle of its repair (%s): awake again, it ends with one healthy member',
        async (stage) => {
          const node = world.nodes[0]!;
          await world.round(async () => {
            await wipe(node, 'killed');
            await waitFor(`the stage ${stage}`, () => journalOf(node)?.stage === stage, 30_000, 1);
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
    },
  );
});
