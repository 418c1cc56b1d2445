/**
 * Five hosts: what only five can go through, then random rounds, one after the other, while an application writes through
 * every member. ETCD_AGENT_TEST_SEED is another seed than 1, ETCD_AGENT_TEST_ROUNDS another number of rounds than 20.
 */
import { afterAll, afterEach, test } from 'vitest';
import { scenarios } from '../scenarios/index.js';
import { HostsWorld, impatient, told } from '../worlds/hosts/hosts-world.js';
import { drawRounds } from '../worlds/hosts/rounds.js';
import { runScenario } from '../worlds/hosts/run-scenario.js';
import { runRound } from '../worlds/hosts/strikes.js';
import { fromPackage } from './lab/host.js';
import type { Lab } from './lab/lab.js';
import { initialise } from './lab/operator.js';
import { fiveHostNames } from './lab/places.js';
import { story } from './lab/story.js';

const seed = process.env.ETCD_AGENT_TEST_SEED ?? '1';
const count = Number(process.env.ETCD_AGENT_TEST_ROUNDS ?? '20');
const roundMsMax = 180_000;

await story(() => {}, tell, { names: fiveHostNames, equip: () => fromPackage });

function tell(lab: Lab): void {
  let world: HostsWorld;
  afterAll(() => world?.close());
  afterEach(({ task }) => {
    if (task.result?.state === 'fail')
      told(`again: npm run test:hosts -- --seed ${seed} --rounds ${count} rounds`);
  });

  test('five agents bootstrap a cluster', async () => {
    told(`random rounds: seed ${seed}, ${count} of them`);
    await initialise(lab, impatient);
    world = await HostsWorld.start(lab);
  });

  const five = scenarios.filter(({ nodes, ends }) => nodes === 5 && ends.kind === 'healed');
  for (const each of five) test(each.name, () => runScenario(world, each), roundMsMax);

  for (const round of drawRounds(seed, count, fiveHostNames))
    test(`round ${round.number}: ${round.text}`, () => runRound(world, round), roundMsMax);
}
