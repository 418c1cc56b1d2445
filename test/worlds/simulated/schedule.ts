/**
 * What a seed does to its cluster: which cluster it is, and rounds of faults, each of which must end well before the next
 * begins. Data is lost on fewer nodes than a quorum can spare, so that healing can be demanded; the rare last round that
 * takes the quorum's data demands that nothing is done.
 */
import type { HealingPolicy } from '@etcd-agent/protocol';
import type { Fault, Target, TimedFault } from '../../scenarios/scenario.js';
import type { SimChance } from './chance.js';
import { operationRound } from './operation-round.js';
import type { ServiceFlavour } from './sim-services.js';

export interface Schedule {
  readonly nodes: 3 | 5;
  readonly version: string;
  readonly flavour: ServiceFlavour;
  readonly policy: Partial<HealingPolicy>;
  readonly rounds: readonly Round[];
  /** How likely an act of an agent is followed by the end, or a long sleep, of that agent. */
  readonly agentDanger: number;
}

export interface Round {
  readonly faults: readonly TimedFault[];
  readonly ends: 'healed' | 'quiet';
  /** Acts of agents are followed by short naps of those agents, and by nothing worse: nothing more may be lost. */
  readonly naps?: true;
}

const versions = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'];
/** Clusters of three: what five can show that three cannot is seldom worth its three times longer run. */
const threeShare = 0.85;
/** Faults of one round begin within this time. */
const spreadMs = 12_000;
const quietShare = 0.06;
const outShare = 0.08;
/** Two of three about to be replaced at once: where a lock that is trusted shows. */
const twoShare = 0.3;

/** `restored`: the whole cluster is, and nothing else happens but what comes in between. */
export function scheduleOf(chance: SimChance, restored = false): Schedule {
  const nodes = chance.happens(threeShare) ? 3 : 5;
  const names = Array.from({ length: nodes }, (_, index): Target => `etcd${index}`);
  const rounds: Round[] = Array.from({ length: chance.int(1, 2) }, () => {
    if (nodes === 3 && chance.happens(twoShare)) return twoOfThree(chance, names);
    const faults = chance.happens(outShare) ? oneOut(chance, names) : healableRound(chance, names);
    return { faults, ends: 'healed' };
  });
  if (chance.happens(quietShare)) rounds.push({ faults: quorumLoss(chance, names), ends: 'quiet' });
  return {
    nodes,
    version: chance.pick(versions),
    flavour: chance.happens(0.5) ? 'systemd' : 'process',
    policy: {
      // Waiting for people is the same at a tenth of the time.
      ...(chance.happens(0.8)
        ? { stoppedMs: 10_000, removedMs: 10_000, hangUptimeMs: 15_000, orphanMs: 20_000 }
        : {}),
      holdMs: 0,
      repairsPerDayMax: 100,
    },
    rounds: restored ? [operationRound(chance.stream('operation'), names)] : rounds,
    agentDanger: chance.happens(0.5) ? chance.between(0.02, 0.25) : 0,
  };
}

type Harm = (chance: SimChance, on: Target, atMs: number) => TimedFault[];

const at = (atMs: number, fault: Fault): TimedFault => ({ atMs, fault });

/** What takes a member's data, or its membership: never on more nodes of a round than the others can carry. */
const losses: readonly (readonly [weight: number, harm: Harm])[] = [
  [5, (_, on, ms) => [at(ms, { kind: 'wipe', on, etcd: 'killed' })]],
  [4, (_, on, ms) => [at(ms, { kind: 'wipe', on, etcd: 'running' })]],
  [2, (_, on, ms) => [at(ms, { kind: 'corruptWal', on })]],
  [2, (_, on, ms) => [at(ms, { kind: 'truncateBolt', on })]],
  [
    3,
    (chance, on, ms) => [
      at(0, { kind: 'copyDisk', on }),
      at(ms + chance.between(22_000, 40_000), { kind: 'rollBack', on }),
    ],
  ],
  [2, (_, on, ms) => [at(ms, { kind: 'removeMember', on })]],
  [1, (_, on, ms) => [at(ms, { kind: 'replaceMember', on })]],
  [
    1,
    (chance, on, ms) => [
      at(ms, { kind: 'newDisk', on }),
      at(ms + chance.between(5_000, 30_000), { kind: 'acceptDisk', on }),
    ],
  ],
  [1, (_, on, ms) => [at(ms, { kind: 'diverge', on })]],
  // No loss, but a process that hangs is restarted only while the others are enough.
  [2, (_, on, ms) => [at(ms, { kind: 'hang', on })]],
  [
    2,
    (chance, on, ms) => {
      const asleepMs = chance.between(40_000, 90_000);
      const stopMs = ms + chance.between(0, 8_000);
      return [
        at(ms, { kind: 'wipe', on, etcd: 'killed' }),
        at(stopMs, { kind: 'stopAgent', on, forMs: asleepMs }),
        at(stopMs + chance.between(1_000, 30_000), { kind: 'repairByHand', on }),
      ];
    },
  ],
  [
    1,
    (chance, on, ms) => [
      at(ms, { kind: 'pause', on, forMs: chance.between(5_000, 30_000) }),
      at(ms + 500, { kind: 'wipe', on, etcd: 'killed' }),
    ],
  ],
];

/** What passes by itself, or by starting again: on any node at any moment. */
const nuisances: readonly (readonly [weight: number, harm: Harm])[] = [
  [3, (_, on, ms) => [at(ms, { kind: 'kill', on })]],
  [1, (_, on, ms) => [at(ms, { kind: 'stopByHand', on })]],
  [2, (_, on, ms) => [at(ms, { kind: 'loseConf', on })]],
  [3, (chance, on, ms) => [at(ms, { kind: 'powerCut', on, forMs: chance.between(2_000, 30_000) })]],
  [1, (chance, _, ms) => [at(ms, { kind: 'powerCut', on: 'all', forMs: chance.between(2_000, 30_000) })]],
  [5, (chance, on, ms) => [at(ms, { kind: 'killAgent', on, forMs: chance.between(200, 10_000) })]],
  [
    4,
    (chance, on, ms) => [
      at(ms, {
        kind: 'stopAgent',
        on,
        forMs: chance.happens(0.1) ? chance.between(60_000, 180_000) : chance.between(500, 30_000),
      }),
    ],
  ],
  [
    2,
    (chance, on, ms) => [
      at(ms, { kind: 'silence', on }),
      at(ms + chance.between(1_000, 30_000), { kind: 'mendNetwork' }),
    ],
  ],
];

function healableRound(chance: SimChance, names: readonly Target[]): TimedFault[] {
  const spare = Math.floor((names.length - 1) / 2);
  const victims = chance.shuffled(names).slice(0, chance.happens(0.15) ? 0 : chance.int(1, spare));
  const together = chance.happens(0.4);
  const faults = victims.flatMap((on) =>
    weighted(chance, losses)(chance, on, together ? 0 : chance.between(0, spreadMs)),
  );
  // Only one member whose keys alone differ is known to be wrong: a second loses its data instead.
  const [, ...others] = faults.filter(({ fault }) => fault.kind === 'diverge');
  for (const each of others) {
    const { on } = each.fault as Extract<Fault, { kind: 'diverge' }>;
    faults[faults.indexOf(each)] = at(each.atMs, { kind: 'wipe', on, etcd: 'killed' });
  }
  const extra = victims.length === 0 ? chance.int(1, 4) : chance.happens(0.5) ? chance.int(1, 3) : 0;
  for (let count = 0; count < extra; count++)
    faults.push(...weighted(chance, nuisances)(chance, chance.pick(names), chance.between(0, 2 * spreadMs)));
  if (chance.happens(0.15)) faults.push(...oneCut(chance, names));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** One is out for a while, and another one loses its data meanwhile: the first is needed, or not, as the numbers say. */
function oneOut(chance: SimChance, names: readonly Target[]): TimedFault[] {
  const [out, victim] = chance.shuffled(names);
  const forMs = chance.between(25_000, 45_000);
  const away: TimedFault[] = chance.happens(0.5)
    ? [at(0, { kind: 'powerCut', on: out!, forMs })]
    : [at(0, { kind: 'silence', on: out! }), at(forMs, { kind: 'mendNetwork' })];
  const etcd = chance.happens(0.6) ? 'running' : 'killed';
  return [...away, at(chance.between(6_500, 15_000), { kind: 'wipe', on: victim!, etcd } as const)].sort(
    (a, b) => a.atMs - b.atMs,
  );
}

/**
 * Two of three lose their files and go on running: both may be replaced, and while one is, the other is the quorum. At times
 * under an alarm, when there is no lock.
 */
function twoOfThree(chance: SimChance, names: readonly Target[]): Round {
  const [first, second] = chance.shuffled(names);
  const apartMs = chance.happens(0.5) ? 0 : chance.between(0, 1_500);
  const wipes = [
    at(2_000, { kind: 'wipe', on: first!, etcd: 'running' }),
    at(2_000 + apartMs, { kind: 'wipe', on: second!, etcd: 'running' }),
  ];
  if (!chance.happens(0.5)) return { faults: wipes, ends: 'healed', naps: true };
  const on = chance.pick(names);
  const faults = [at(0, { kind: 'raiseNospace', on }), ...wipes, at(60_000, { kind: 'makeRoom', on })];
  return { faults, ends: 'healed', naps: true };
}

function oneCut(chance: SimChance, names: readonly Target[]): TimedFault[] {
  const [from, ...others] = chance.shuffled(names);
  const begin = chance.between(0, spreadMs);
  const to = chance.happens(0.5) ? others : others.slice(0, 1);
  return [
    at(begin, { kind: 'partition', from: [from!], to, oneWay: chance.happens(0.5) }),
    at(begin + chance.between(1_000, 30_000), { kind: 'mendNetwork' }),
  ];
}

function quorumLoss(chance: SimChance, names: readonly Target[]): TimedFault[] {
  const gone = chance.shuffled(names).slice(0, Math.floor(names.length / 2) + 1);
  return gone.map((on) => at(0, { kind: 'wipe', on, etcd: 'killed' }));
}

function weighted<T>(chance: SimChance, choices: readonly (readonly [number, T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = chance.between(0, total);
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  return choices.at(-1)![1];
}
