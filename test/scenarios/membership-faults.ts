/** Other hands change the membership, before or during a repair. */
import type { Scenario } from './scenario.js';

export const membershipScenarios: readonly Scenario[] = [
  {
    name: 'a member that somebody removed joins again after a minute',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'removeMember', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 180_000 },
  },
  {
    name: 'a leader that somebody removed joins again after a minute',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'removeMember', on: 'leader' } }],
    ends: { kind: 'healed', withinMs: 180_000 },
  },
  {
    name: 'an agent that sleeps through a repair by hand does not repair again',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 3_000, fault: { kind: 'stopAgent', on: 'follower', forMs: 180_000 } },
      { atMs: 60_000, fault: { kind: 'repairByHand', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'a member that an operator wants replaced is replaced, once',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'replaceMember', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 60_000, anew: 'follower' },
  },
  {
    name: 'a leader that an operator wants replaced hands over and is replaced',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'replaceMember', on: 'leader' } }],
    ends: { kind: 'healed', withinMs: 60_000, anew: 'leader' },
  },
  {
    name: 'an entry for a host that never comes is removed after a quarter of an hour',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'addForNobody' } }],
    ends: { kind: 'healed', withinMs: 16 * 60_000 },
  },
  {
    name: 'while healing is paused nobody repairs, and afterwards the node joins again',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'pause', on: 'follower', forMs: 60_000 } },
      { atMs: 1_000, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
    ],
    ends: { kind: 'healed', withinMs: 150_000 },
  },
];
