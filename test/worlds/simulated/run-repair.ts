/** One repair from the loss to the end, with one blow at most, and the same eyes on it as a seed has. */
import type { Fault } from '../../scenarios/scenario.js';
import { SimChance } from './chance.js';
import type { EtcdDisk } from './etcd-disk.js';
import { Invariants } from './invariants.js';
import { everythingIsThere, type Verdict } from './run-seed.js';
import { type ClusterOptions, SimCluster } from './sim-cluster.js';
import { unrecorded } from './sim-events.js';
import { SimFaults } from './sim-faults.js';
import { SimWriters } from './sim-writers.js';
import { type RepairAct, RepairWatch, type Strike } from './strikes.js';

export interface Repair {
  readonly version: string;
  readonly flavour: ClusterOptions['flavour'];
  /** What takes the data of one node of three. */
  readonly loss: Extract<Fault, { kind: 'wipe' | 'corruptWal' }>;
}

export interface RepairVerdict extends Verdict {
  /** What the agent under repair did. */
  readonly steps: readonly RepairAct[];
}

/** Agents begin no repair before they have watched for so long: over by the time of the loss. */
const watchMs = 1_000;
const warmUpMs = 2_500;
const healMsMax = 120_000;

/** Without a strike: the repair as it is when nothing disturbs it. `parts`: what of healing is replaced. */
export async function runRepair(
  { version, flavour, loss }: Repair,
  strike?: Strike,
  parts?: ClusterOptions['parts'],
): Promise<RepairVerdict> {
  const seed = `${version} ${loss.kind} ${loss.on}`;
  const invariants = new Invariants();
  const watch = new RepairWatch(strike);
  /** All data that was on the host since the loss. */
  const held = new Set<EtcdDisk>();
  let keep = () => {};
  const cluster = await SimCluster.start({
    chance: new SimChance(seed),
    nodes: 3,
    version,
    flavour,
    policy: { watchMs, holdMs: 0 },
    observer: invariants.observer,
    ...(parts === undefined ? {} : { parts }),
    onAction: (node, action) => {
      if (watch.onAction(node, action)) invariants.onAction(node, action);
      keep();
    },
  });
  const { clock } = cluster;
  invariants.watch(cluster);
  const writers = new SimWriters(cluster);
  await clock.runUntil(clock.nowMs + warmUpMs);
  const faults = await SimFaults.of(cluster);
  const [node] = faults.nodesOf(loss.on);
  const { disk } = cluster.host(node!);
  const lost = disk.member(cluster.dataDir)?.memberId;

  await faults.make(loss);
  keep = () => {
    for (const member of disk.members()) held.add(member.disk);
  };
  watch.begin(cluster, node!);
  if (!(await cluster.becomesHealthy(healMsMax)))
    invariants.note('I6', `not healed within ${healMsMax} ms: ${await cluster.complaint()}`);
  await everythingIsThere(cluster, writers, invariants);
  writers.end();

  keep();
  const there = new Set(disk.members().map((member) => member.disk));
  for (const { memberId } of [...held].filter((each) => !there.has(each)))
    invariants.note('I5', `the data of ${memberId} is not on ${node} any more`);
  if (disk.member(cluster.dataDir)?.memberId === lost)
    invariants.note('I6', `${node} is still member ${lost}`);
  for (const what of unrecorded(cluster, invariants.acts)) invariants.note('I8', what);
  if (strike !== undefined && !watch.struck) throw new Error('the blow did not fall');
  const { breaches, acts } = invariants;
  return {
    seed,
    breaches,
    log: cluster.log.text(),
    simulatedMs: clock.nowMs,
    acts: acts.length,
    steps: watch.acts,
  };
}
