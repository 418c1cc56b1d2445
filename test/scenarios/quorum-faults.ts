/** Too few members are left, or one is silent: what must not be done matters more than what is. */
import type { Scenario } from './scenario.js';

export const quorumScenarios: readonly Scenario[] = [
  {
    name: 'two of three wiped: no agent changes anything',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 0, fault: { kind: 'wipe', on: 'secondFollower', etcd: 'killed' } },
    ],
    ends: { kind: 'quiet' },
    losesWrites: true,
  },
  {
    name: 'one of three wiped and one silent: nothing is removed, and all is healed when the silent one is back',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'silence', on: 'secondFollower' } },
      { atMs: 5_000, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 180_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 180_000 },
  },
  {
    name: 'one of five wiped and one silent: healed at the latest when the silent one is back',
    nodes: 5,
    faults: [
      { atMs: 0, fault: { kind: 'silence', on: 'secondFollower' } },
      { atMs: 5_000, fault: { kind: 'wipe', on: 'follower', etcd: 'killed' } },
      { atMs: 180_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 180_000 },
  },
  {
    name: 'a silent host is not removed and is back by itself',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'silence', on: 'leader' } },
      { atMs: 240_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a host that hears and is not heard is not repaired, and is well when the network is',
    nodes: 3,
    faults: [
      {
        atMs: 0,
        fault: { kind: 'partition', from: ['follower'], to: ['leader', 'secondFollower'], oneWay: true },
      },
      { atMs: 120_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'all hosts lose power and one comes back with an older disk: nothing is lost',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'copyDisk', on: 'follower' } },
      { atMs: 60_000, fault: { kind: 'powerCut', on: 'leader', forMs: 20_000 } },
      { atMs: 60_000, fault: { kind: 'powerCut', on: 'secondFollower', forMs: 20_000 } },
      { atMs: 60_000, fault: { kind: 'rollBack', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'the last writes are on a disk that comes back older and on a host that comes back last: nothing is lost',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'copyDisk', on: 'follower' } },
      // From now on a quorum is the leader and the follower.
      { atMs: 25_000, fault: { kind: 'silence', on: 'secondFollower' } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'leader', forMs: 200_000 } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'secondFollower', forMs: 60_000 } },
      { atMs: 65_000, fault: { kind: 'rollBack', on: 'follower' } },
      { atMs: 66_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'the last writes are on a disk that comes back older and on a host that comes back soon after one that was away: nothing is lost',
    nodes: 3,
    faults: [
      // From now on a quorum is the leader and the follower, and only they know of each other's writes.
      { atMs: 0, fault: { kind: 'silence', on: 'secondFollower' } },
      { atMs: 25_000, fault: { kind: 'copyDisk', on: 'follower' } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'leader', forMs: 40_000 } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'secondFollower', forMs: 5_000 } },
      { atMs: 65_000, fault: { kind: 'rollBack', on: 'follower' } },
      { atMs: 66_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
  {
    name: 'the last writes are on a disk that comes back older and, late, on a host that comes back after one that was away: nothing is lost',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'silence', on: 'secondFollower' } },
      { atMs: 25_000, fault: { kind: 'copyDisk', on: 'follower' } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'leader', forMs: 110_000 } },
      { atMs: 65_000, fault: { kind: 'powerCut', on: 'secondFollower', forMs: 80_000 } },
      { atMs: 65_000, fault: { kind: 'rollBack', on: 'follower' } },
      { atMs: 66_000, fault: { kind: 'mendNetwork' } },
    ],
    ends: { kind: 'healed', withinMs: 240_000 },
  },
];
