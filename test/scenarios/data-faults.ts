/** The data of a member is gone, damaged or older than it was. */
import type { Scenario } from './scenario.js';

export const dataScenarios: readonly Scenario[] = [
  {
    name: 'a follower that is killed and wiped joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } }],
    ends: { kind: 'healed', withinMs: 60_000 },
  },
  {
    name: 'a leader that is killed and wiped joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'wipe', on: 'leader', etcd: 'killed' } }],
    ends: { kind: 'healed', withinMs: 60_000 },
  },
  {
    name: 'a leader whose files are deleted while it runs joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'wipe', on: 'leader', etcd: 'running' } }],
    ends: { kind: 'healed', withinMs: 90_000 },
  },
  {
    name: 'a follower whose files are deleted while it runs joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'running' } }],
    ends: { kind: 'healed', withinMs: 90_000 },
  },
  {
    name: 'of five, two that are wiped at once both join again',
    nodes: 5,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 0, fault: { kind: 'wipe', on: 'secondFollower', etcd: 'killed' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'of five, two that are wiped two seconds apart both join again',
    nodes: 5,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'leader', etcd: 'killed' } },
      { atMs: 2_000, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'a member with a damaged WAL joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'corruptWal', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a member whose WAL is damaged a second time in the same way joins again a second time',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'corruptWal', on: 'follower' } },
      { atMs: 120_000, fault: { kind: 'corruptWal', on: 'follower' } },
    ],
    // The first repair has not held for ten minutes: there is a cool-down before the second.
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'a member with a truncated database joins again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'truncateBolt', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a host that comes back with an older disk joins again and loses no write',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'copyDisk', on: 'follower' } },
      { atMs: 60_000, fault: { kind: 'rollBack', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a member that somebody stops, gives an older disk and starts again joins again and loses no write',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'copyDisk', on: 'follower' } },
      { atMs: 60_000, fault: { kind: 'putBack', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a member whose store differs from the others joins again and the alarm goes',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'diverge', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'the data of another cluster is left alone',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'foreignData', on: 'follower' } }],
    ends: { kind: 'waits', on: 'follower', rule: 'foreignData' },
  },
  {
    name: 'a host that was installed anew takes the place of its former member',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'reinstall', on: 'follower', forMs: 60_000 } }],
    ends: { kind: 'healed', withinMs: 120_000, anew: 'follower' },
  },
  {
    name: 'a new disk under the data dir is left alone until a person accepts it',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'newDisk', on: 'follower' } }],
    ends: { kind: 'waits', on: 'follower', rule: 'newDisk' },
  },
  {
    name: 'a new disk that a person has accepted is filled by a rejoin',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'newDisk', on: 'follower' } },
      { atMs: 30_000, fault: { kind: 'acceptDisk', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
];
