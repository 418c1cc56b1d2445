/** One restore of a whole cluster, or the undoing of one, with one blow at most, and the same eyes on it as a seed has. */

import { SimChance } from './chance.js';
import type { EtcdDisk } from './etcd-disk.js';
import { Invariants } from './invariants.js';
import { everythingIsThere, type Verdict } from './run-seed.js';
import { type ClusterOptions, SimCluster } from './sim-cluster.js';
import { unrecorded } from './sim-events.js';
import { SimWriters } from './sim-writers.js';
import { type RepairAct, RepairWatch, type Strike } from './strikes.js';

export interface Operation {
  readonly kind: 'restore' | 'undo';
  readonly version: string;
  readonly flavour: ClusterOptions['flavour'];
}

/** At an act of one host; or at a step of the coordinator's command: a call that is sent, an answer that arrives, the record. */
export type Blow = Strike | { readonly victim: 'coordinator'; readonly step: number };

export interface OperationVerdict extends Verdict {
  /** What the agent of the struck host did. */
  readonly steps: readonly RepairAct[];
  readonly commandSteps: readonly string[];
}

const struckNode = 'etcd1';
const watchMs = 1_000;
const warmUpMs = 2_500;
const operationMsMax = 120_000;
const healMsMax = 60_000;
/** Of the coordinator, and until a person has read what failed. */
const awayMs = 1_000;

export async function runOperation(
  { kind, version, flavour }: Operation,
  blow?: Blow,
): Promise<OperationVerdict> {
  const seed = `${version} ${kind}`;
  const invariants = new Invariants();
  const watch = new RepairWatch(blow?.victim === 'coordinator' ? undefined : blow);
  /** All data that was in the place of the struck host's. */
  const held = new Set<EtcdDisk>();
  let keep = () => {};
  const cluster = await SimCluster.start({
    chance: new SimChance(seed),
    nodes: 3,
    version,
    flavour,
    policy: { watchMs, holdMs: 0 },
    observer: invariants.observer,
    onAction: (node, action) => {
      if (watch.onAction(node, action)) invariants.onAction(node, action);
      keep();
    },
  });
  const { clock, coordinator } = cluster;
  const { disk } = cluster.host(struckNode);
  coordinator.againMs = awayMs;
  invariants.watch(cluster);
  const writers = new SimWriters(cluster);
  await clock.runUntil(clock.nowMs + warmUpMs);
  keep = () => {
    const there = disk.member(cluster.dataDir);
    if (there !== undefined) held.add(there);
  };
  const whole = { without: [], from: undefined };
  if (kind === 'undo') {
    await cluster.settle(coordinator.restore(whole), operationMsMax);
    await clock.runUntil(clock.nowMs + warmUpMs);
  }

  const commandSteps: string[] = [];
  let struck = false;
  coordinator.onStep = (what) => {
    commandSteps.push(what);
    if (struck || blow?.victim !== 'coordinator' || commandSteps.length - 1 !== blow.step) return;
    struck = true;
    cluster.log.add('strike', `coordinator at ${what}`);
    coordinator.kill(awayMs);
  };
  watch.begin(cluster, struckNode);
  const work = kind === 'undo' ? coordinator.undo([]) : coordinator.restore(whole);
  await cluster.settle(work, operationMsMax).catch((error: Error) => invariants.note('I6', error.message));
  watch.end();
  if (!(await cluster.becomesHealthy(healMsMax)))
    invariants.note('I6', `not healed within ${healMsMax} ms: ${await cluster.complaint()}`);
  await everythingIsThere(cluster, writers, invariants);
  writers.end();

  keep();
  const there = new Set(disk.members().map((member) => member.disk));
  for (const { clusterId, memberId } of [...held].filter((each) => !there.has(each)))
    invariants.note('I5', `the data of ${memberId} of ${clusterId} is not on ${struckNode} any more`);
  for (const what of unrecorded(cluster, invariants.acts)) invariants.note('I8', what);
  if (blow !== undefined && !struck && !watch.struck) throw new Error('the blow did not fall');
  const { breaches, acts } = invariants;
  return {
    seed,
    breaches,
    log: cluster.log.text(),
    simulatedMs: clock.nowMs,
    acts: acts.length,
    steps: watch.acts,
    commandSteps,
  };
}
