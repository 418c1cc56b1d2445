/** An operator puts a snapshot in the place of all data, or takes that back, while other things happen. */
import type { Scenario, Target } from './scenario.js';

const healed = { kind: 'healed', withinMs: 180_000 } as const;

/** Ways of being away for a restore and well into what comes after it. */
const away: readonly { readonly how: string; readonly faults: (on: Target) => Scenario['faults'] }[] = [
  {
    how: 'without power',
    faults: (on) => [{ atMs: 0, fault: { kind: 'powerCut', on, forMs: 40_000 } }],
  },
  {
    how: 'cut off',
    faults: (on) => [
      { atMs: 0, fault: { kind: 'silence', on } },
      { atMs: 40_000, fault: { kind: 'mendNetwork' } },
    ],
  },
  {
    how: 'with a sleeping agent',
    faults: (on) => [{ atMs: 0, fault: { kind: 'stopAgent', on, forMs: 40_000 } }],
  },
];

export const operationScenarios: readonly Scenario[] = [
  {
    name: 'a snapshot is restored on a healthy cluster',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'restore' } }],
    ends: healed,
  },
  {
    name: 'a snapshot that was saved under an alarm is restored, and the alarm is gone with its member',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'raiseNospace', on: 'follower' } },
      { atMs: 2_000, fault: { kind: 'restore' } },
    ],
    ends: healed,
  },
  {
    name: 'a snapshot is restored right after a member was wiped, and nobody repairs that while the operator is away',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 900, fault: { kind: 'restore' } },
      { atMs: 960, fault: { kind: 'killCoordinator', forMs: 15_000 } },
    ],
    ends: healed,
  },
  {
    name: 'a restore that began in the middle of a repair is the end of that repair',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'running' } },
      { atMs: 1_800, fault: { kind: 'restore' } },
    ],
    ends: healed,
  },
  ...away.map(
    ({ how, faults }): Scenario => ({
      name: `a node that is ${how} during a restore serves nothing afterwards, and rejoins once it is told`,
      nodes: 3,
      faults: [
        ...faults('follower'),
        { atMs: 1_000, fault: { kind: 'restore', without: ['follower'] } } as const,
        { atMs: 80_000, fault: { kind: 'resumeRestore' } } as const,
      ].sort((a, b) => a.atMs - b.atMs),
      ends: healed,
    }),
  ),
  {
    name: 'a majority that was left out goes on until it hears of the restore, and rejoins once it is told',
    nodes: 3,
    faults: [
      {
        atMs: 0,
        fault: {
          kind: 'partition',
          from: ['leader', 'coordinator'],
          to: ['follower', 'secondFollower'],
          oneWay: false,
        },
      },
      { atMs: 5_000, fault: { kind: 'restore', without: ['follower', 'secondFollower'] } },
      { atMs: 40_000, fault: { kind: 'mendNetwork' } },
      { atMs: 80_000, fault: { kind: 'resumeRestore' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
    needsLearners: true,
  },
  {
    name: 'two of three wiped: the cluster goes on from the survivor',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 0, fault: { kind: 'wipe', on: 'secondFollower', etcd: 'killed' } },
      { atMs: 20_000, fault: { kind: 'restore', from: 'leader' } },
    ],
    ends: healed,
    losesWrites: true,
  },
  {
    name: 'a restore that is taken back leaves every write that was acknowledged before it',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'restore' } },
      { atMs: 40_000, fault: { kind: 'undoRestore' } },
    ],
    ends: healed,
  },
  {
    name: 'a restore is taken back while one node is away, which then serves nothing and rejoins',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'restore' } },
      { atMs: 40_000, fault: { kind: 'silence', on: 'follower' } },
      { atMs: 41_000, fault: { kind: 'undoRestore', without: ['follower'] } },
      { atMs: 80_000, fault: { kind: 'mendNetwork' } },
      { atMs: 120_000, fault: { kind: 'resumeRestore' } },
    ],
    ends: healed,
  },
  {
    name: 'a restore is taken back before it has ended',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'restore' } },
      { atMs: 400, fault: { kind: 'killAgent', on: 'follower', forMs: 3_000 } },
      { atMs: 600, fault: { kind: 'killCoordinator', forMs: 60_000 } },
      { atMs: 20_000, fault: { kind: 'undoRestore' } },
    ],
    ends: healed,
  },
  {
    name: 'all hosts lose power in the middle of a restore, which goes on when they are back',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'restore' } },
      { atMs: 500, fault: { kind: 'powerCut', on: 'all', forMs: 10_000 } },
    ],
    ends: healed,
  },
  {
    name: 'data of another cluster is not moved aside for a restore',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'foreignData', on: 'follower' } },
      { atMs: 5_000, fault: { kind: 'restore', without: ['follower'] } },
      { atMs: 40_000, fault: { kind: 'resumeRestore' } },
    ],
    ends: { kind: 'waits', on: 'follower', rule: 'foreignData' },
  },
];
