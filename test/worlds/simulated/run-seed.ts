/**
 * One seed from beginning to end: its cluster, its faults, its verdict, and the log that another run of the same seed must
 * repeat to the letter.
 */
import { SimChance } from './chance.js';
import { type Breach, Invariants } from './invariants.js';
import { type Round, type Schedule, scheduleOf } from './schedule.js';
import { type ClusterOptions, SimCluster } from './sim-cluster.js';
import { unrecorded } from './sim-events.js';
import { SimFaults } from './sim-faults.js';
import type { AgentAction } from './sim-host.js';
import { SimWriters } from './sim-writers.js';

export interface Verdict {
  readonly seed: string;
  readonly breaches: readonly Breach[];
  /** Everything that happened. */
  readonly log: string;
  readonly simulatedMs: number;
  /** Membership calls, stops and moves by agents. */
  readonly acts: number;
}

/** A round that heals, heals within this time after its last fault. */
const healMsMax = 600_000;
/** How long nothing may be done where the quorum is gone. */
const quietMs = 180_000;
/** Ends of agents right after their own acts, per seed. */
const dangersMax = 6;
/** How likely an act is followed by a nap, in a round of naps. */
const napDanger = 0.5;

/** Seeds that begin with this restore the whole cluster. */
export const restoring = 'r';

/** `parts`: what of healing is replaced, to show that it is missed. */
export async function runSeed(seed: string, parts?: ClusterOptions['parts']): Promise<Verdict> {
  const chance = new SimChance(seed);
  const schedule = scheduleOf(chance.stream('schedule'), seed.startsWith(restoring));
  const invariants = new Invariants();
  const endangered = new Endangered(schedule, chance.stream('danger'));
  const cluster = await SimCluster.start({
    chance,
    nodes: schedule.nodes,
    version: schedule.version,
    flavour: schedule.flavour,
    policy: schedule.policy,
    observer: invariants.observer,
    ...(parts === undefined ? {} : { parts }),
    onAction: (node, action) => {
      invariants.onAction(node, action);
      endangered.onAction(node, action);
    },
  });
  cluster.log.add('seed', `${seed} ${JSON.stringify({ ...schedule, rounds: undefined })}`);
  invariants.watch(cluster);
  const faults = await SimFaults.of(cluster);
  const writers = new SimWriters(cluster);
  try {
    // What agents remember of each other's logs is on their disks soon after; and a bootstrap is over by then.
    await cluster.clock.runUntil(cluster.clock.nowMs + 15_000);
    for (const round of schedule.rounds) {
      endangered.cluster = cluster;
      endangered.naps = round.naps === true;
      const bad = await runRound(cluster, faults, invariants, round);
      endangered.cluster = undefined;
      if (bad !== undefined) invariants.note('I6', bad);
      if (invariants.breaches.length > 0) break;
    }
    if (schedule.rounds.at(-1)?.ends !== 'quiet' && invariants.breaches.length === 0)
      await everythingIsThere(cluster, writers, invariants);
    for (const what of unrecorded(cluster, invariants.acts)) invariants.note('I8', what);
  } finally {
    writers.end();
  }
  const { breaches, acts } = invariants;
  return { seed, breaches, log: cluster.log.text(), simulatedMs: cluster.clock.nowMs, acts: acts.length };
}

/** What is not as the round demands, or undefined. */
async function runRound(
  cluster: SimCluster,
  faults: SimFaults,
  invariants: Invariants,
  round: Round,
): Promise<string | undefined> {
  const { clock } = cluster;
  const startMs = clock.nowMs;
  for (const { atMs, fault } of round.faults) {
    await clock.runUntil(startMs + atMs);
    if (invariants.breaches.length > 0) return undefined;
    invariants.look();
    await faults.make(fault);
  }
  await clock.runUntilDone(() => faults.quiet, clock.nowMs + 120_000);
  if (round.ends === 'quiet') {
    await clock.runUntil(clock.nowMs + quietMs);
    return undefined;
  }
  const endMs = Math.max(clock.nowMs, faults.longestMs) + healMsMax;
  while (clock.nowMs < endMs && invariants.breaches.length === 0) {
    if (await cluster.becomesHealthy(10_000)) return undefined;
  }
  if (invariants.breaches.length > 0) return undefined;
  return `not healed ${healMsMax / 1000} s after the last fault: ${await cluster.complaint()}`;
}

/**
 * I1 once more, from outside: every acknowledged write is read back, but for those to a cluster that a person has given up since,
 * unless the snapshot had them: those are not there.
 */
export async function everythingIsThere(
  cluster: SimCluster,
  writers: SimWriters,
  invariants: Invariants,
): Promise<void> {
  const connect = async () => cluster.client((await cluster.leader()) ?? cluster.nodes[0]!);
  let admin = await connect();
  const read = (key: string) => cluster.settle(admin.get(key), 5_000).catch((error: Error) => error);
  for (const [key, value] of writers.acknowledged) {
    let found = await read(key);
    if (found instanceof Error) {
      // It leads no longer, perhaps.
      admin.close();
      admin = await connect();
      found = await read(key);
    }
    if (found instanceof Error) {
      invariants.note('I1', `acknowledged write ${key} cannot be read: ${found.message}`);
      break;
    }
    const isThere = found.kind === 'found' && found.value === value;
    if (isThere !== invariants.isKept(key))
      invariants.note('I1', `acknowledged write ${key} is ${isThere ? 'there, though given up' : 'gone'}`);
  }
  admin.close();
}

/** Ends agents, or puts them to sleep, right after they have begun to do something: between any two steps of a repair. */
class Endangered {
  cluster: SimCluster | undefined;
  naps = false;
  #left = dangersMax;

  constructor(
    private readonly schedule: Schedule,
    private readonly chance: SimChance,
  ) {}

  onAction(node: string, action: AgentAction): void {
    const { cluster, chance } = this;
    if (cluster === undefined || this.#left === 0) return;
    const host = cluster.host(node);
    // What is written all the time says nothing of a repair.
    const { events, positions } = host.paths;
    if (action.kind === 'file' && [events, positions].includes(action.change.path)) return;
    if (!chance.happens(this.naps ? napDanger : this.schedule.agentDanger)) return;
    this.#left -= 1;
    const kind = this.naps ? 1 : chance.int(0, 5);
    cluster.clock.after(chance.between(0, 20), () => {
      if (this.naps) host.stopAgent(chance.between(200, 4_000));
      else if (kind === 0) host.powerCut(chance.between(2_000, 30_000));
      else if (kind === 1) host.stopAgent(chance.between(1_000, 60_000));
      else host.killAgent(chance.between(200, 5_000));
      cluster.log.add('danger', `${['power cut', 'agent sleeps'][kind] ?? 'agent killed'} on ${node}`);
    });
  }
}
