/**
 * A repair whose agent, etcd or both are killed at any step goes on from there. The coordinator is not needed: nothing of it
 * runs while the cluster heals. `ETCD_AGENT_TEST_SEEDS=3,4,5 npm run test:thorough -- heal-interrupted` strikes at other random moments.
 */
import { beforeAll, expect, test } from 'vitest';
import { type EtcdVersion, seeded } from '../../support/index.js';
import { wipe } from './faults.js';
import { HealingWorld } from './healing-world.js';
import { strikeAtEveryStage, strikeAtRandom, type Victim } from './strikes.js';

const everyVictim: readonly Victim[] = ['agent', 'etcd', 'agent and etcd'];

/** These kinds of kill, in order, on one cluster of three. */
export function tellInterruptedRows(version: EtcdVersion, victims = everyVictim): void {
  let world: HealingWorld;

  beforeAll(async () => {
    world = await HealingWorld.start({ version });
    return () => world.close();
  });

  test.each(victims)(
    'a leader without data, %s killed at every stage of its repair: one entry, one etcd, nothing lost',
    async (victim) => {
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
      // An agent that lives goes on while its etcd is being killed: some stages are over before they are seen.
      const stages = victim === 'etcd' ? ['joining'] : ['begun', 'removing', 'added', 'joining'];
      expect(at, 'stages at which it was killed').toEqual(expect.arrayContaining(stages));
    },
  );

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
}
