/** The agent itself ends or sleeps in the middle of a repair. */
import type { Scenario } from './scenario.js';

/** Moments of a repair: watching, guards, remove, quarantine, add, start, promote. */
const momentsMs = [1_200, 2_000, 2_500, 3_000, 3_500, 4_000, 5_000, 6_500, 8_000, 10_000];

export const agentScenarios: readonly Scenario[] = [
  ...momentsMs.map(
    (atMs): Scenario => ({
      name: `an agent killed ${atMs} ms after the data is gone resumes its repair`,
      nodes: 3,
      faults: [
        { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
        { atMs, fault: { kind: 'killAgent', on: 'follower', forMs: 1_000 } },
      ],
      ends: { kind: 'healed', withinMs: 120_000 },
    }),
  ),
  ...momentsMs.map(
    (atMs): Scenario => ({
      name: `a host that loses power ${atMs} ms after the data is gone resumes its repair`,
      nodes: 3,
      faults: [
        { atMs: 0, fault: { kind: 'wipe', on: 'leader', etcd: 'killed' } },
        { atMs, fault: { kind: 'powerCut', on: 'leader', forMs: 15_000 } },
      ],
      ends: { kind: 'healed', withinMs: 180_000 },
    }),
  ),
  {
    name: 'an agent that sleeps for two minutes in mid-repair goes on with what is true then',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 2_500, fault: { kind: 'stopAgent', on: 'follower', forMs: 120_000 } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
];
