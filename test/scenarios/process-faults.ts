/** etcd ends, hangs or is stopped, and its data is fine: it is started again and never replaced. */
import type { Scenario } from './scenario.js';

export const processScenarios: readonly Scenario[] = [
  {
    name: 'a killed follower is started again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'kill', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 20_000 },
  },
  {
    name: 'a killed leader is started again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'kill', on: 'leader' } }],
    ends: { kind: 'healed', withinMs: 20_000 },
  },
  {
    name: 'all etcds are killed at once and all come back',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'kill', on: 'all' } }],
    ends: { kind: 'healed', withinMs: 30_000 },
  },
  {
    name: 'a hanging follower is restarted',
    nodes: 3,
    faults: [{ atMs: 10_000, fault: { kind: 'hang', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 90_000 },
  },
  {
    name: 'a hanging leader is restarted',
    nodes: 3,
    faults: [{ atMs: 10_000, fault: { kind: 'hang', on: 'leader' } }],
    ends: { kind: 'healed', withinMs: 90_000 },
  },
  {
    name: 'an etcd that was stopped by hand is started after a while',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'stopByHand', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a lost /etc/etcd is written again',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'loseConf', on: 'follower' } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a host without power for a minute comes back by itself',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'powerCut', on: 'leader', forMs: 60_000 } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'a host that boots without its address does not start etcd',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'loseAddress', on: 'follower', forMs: 10_000 } }],
    ends: { kind: 'waits', on: 'follower', rule: 'wrongAddress' },
  },
  {
    name: 'a host that has its address again starts etcd',
    nodes: 3,
    faults: [
      { atMs: 0, fault: { kind: 'loseAddress', on: 'follower', forMs: 10_000 } },
      { atMs: 60_000, fault: { kind: 'regainAddress', on: 'follower' } },
    ],
    ends: { kind: 'healed', withinMs: 30_000 },
  },
  {
    name: 'a power cut of all hosts heals without a person',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'powerCut', on: 'all', forMs: 30_000 } }],
    ends: { kind: 'healed', withinMs: 120_000 },
  },
  {
    name: 'an alarm for space is reported and nobody is replaced for it',
    nodes: 3,
    faults: [{ atMs: 0, fault: { kind: 'raiseNospace', on: 'follower' } }],
    ends: { kind: 'waits', on: 'follower', rule: 'noSpace' },
  },
];
