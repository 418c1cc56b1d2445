/**
 * What can happen to a cluster, as the simulation runs it too, with real etcds: of those scenarios that need no minutes, every sixth;
 * the thorough tests run all.
 */
import { beforeAll, expect, test } from 'vitest';
import { scenarios } from '../scenarios/index.js';
import { askedOr } from '../support/index.js';
import { sampled } from '../support/thorough.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';
import { isRunHere, runScenario } from '../worlds/loopback/run-scenario.js';

const here = scenarios.filter(isRunHere);
let world: HealingWorld;

beforeAll(async () => {
  world = await HealingWorld.start({ version: askedOr('3.5.16') });
  return () => world.close();
});

test('twenty of them', () => {
  expect(here.length).toBeGreaterThanOrEqual(20);
});

test.each(sampled(here, 6))('$name', (scenario) => runScenario(world, scenario));
