/** One scenario in the simulated world, with the same eyes on it as a seed has. */
import type { Scenario } from '../../scenarios/scenario.js';
import { SimChance } from './chance.js';
import { Invariants } from './invariants.js';
import { everythingIsThere, type Verdict } from './run-seed.js';
import { type ClusterOptions, SimCluster } from './sim-cluster.js';
import { unrecorded } from './sim-events.js';
import { SimFaults } from './sim-faults.js';
import type { ServiceFlavour } from './sim-services.js';
import { SimWriters } from './sim-writers.js';

export interface ScenarioOptions {
  readonly version: string;
  readonly flavour: ServiceFlavour;
  readonly seed: string;
}

/** How long nothing may happen where nothing may, and a wait must last. */
const quietMs = 600_000;
const waitMs = 180_000;

/** `parts`: what of healing is replaced, to show that it is missed. */
export async function runScenario(
  scenario: Scenario,
  options: ScenarioOptions,
  parts?: ClusterOptions['parts'],
): Promise<Verdict> {
  const { version, flavour, seed } = options;
  const chance = new SimChance(seed);
  const invariants = new Invariants();
  const cluster = await SimCluster.start({
    chance,
    nodes: scenario.nodes,
    version,
    flavour,
    observer: invariants.observer,
    ...(parts === undefined ? {} : { parts }),
    onAction: (node, action) => invariants.onAction(node, action),
  });
  cluster.log.add('scenario', `${scenario.name} ${version} ${flavour}`);
  invariants.watch(cluster);
  const writers = new SimWriters(cluster);
  await cluster.clock.runUntil(cluster.clock.nowMs + 60_000);
  const faults = await SimFaults.of(cluster);
  const { clock } = cluster;
  const { ends } = scenario;
  const anew = ends.kind === 'healed' && ends.anew !== undefined ? faults.nodesOf(ends.anew)[0]! : undefined;
  const former = anew === undefined ? undefined : memberOf(anew);
  const startMs = clock.nowMs;
  for (const { atMs, fault } of scenario.faults) {
    await clock.runUntil(startMs + atMs);
    if (invariants.breaches.length > 0) break;
    invariants.look();
    await faults.make(fault);
  }
  if (invariants.breaches.length === 0) await clock.runUntilDone(() => faults.quiet, clock.nowMs + 300_000);
  if (invariants.breaches.length === 0) await ending();
  for (const what of unrecorded(cluster, invariants.acts)) invariants.note('I8', what);
  writers.end();
  const { breaches, acts } = invariants;
  return { seed, breaches, log: cluster.log.text(), simulatedMs: clock.nowMs, acts: acts.length };

  function memberOf(node: string): string | undefined {
    return cluster.etcd.running().find((each) => each.node === node && each.ready)?.memberId;
  }

  async function ending(): Promise<void> {
    switch (ends.kind) {
      case 'healed': {
        const endMs = Math.max(faults.longestMs, clock.nowMs) + ends.withinMs;
        if (anew !== undefined && !(await clock.runUntilDone(() => memberOf(anew) !== former, endMs)))
          invariants.note('I6', `${anew} is still member ${former}`);
        if (!(await cluster.becomesHealthy(endMs - clock.nowMs)))
          invariants.note('I6', `not healed within ${ends.withinMs} ms: ${await cluster.complaint()}`);
        await everythingIsThere(cluster, writers, invariants);
        return;
      }
      case 'quiet':
        await clock.runUntil(clock.nowMs + quietMs);
        return;
      case 'waits': {
        const actsBefore = invariants.acts.length;
        await clock.runUntil(clock.nowMs + waitMs);
        const [node] = faults.nodesOf(ends.on);
        const rules = cluster.waitingRules(node!);
        if (!rules.includes(ends.rule))
          invariants.note(
            'I6',
            `${node} does not wait for ${ends.rule} but for: ${rules.join(', ') || 'nothing'}`,
          );
        if (invariants.acts.length > actsBefore) invariants.note('I6', `${node} did something all the same`);
        await everythingIsThere(cluster, writers, invariants);
      }
    }
  }
}
