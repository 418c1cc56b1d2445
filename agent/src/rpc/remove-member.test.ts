/** Taking a member out for an operator: what is refused, what is tried again, and that all of it is written down. */
import { EtcdError } from '@etcd-agent/etcd';
import type { Evidence } from '@etcd-agent/protocol';
import { expect, it } from 'vitest';
import type { Healer } from '../heal/healer.js';
import type { ClusterFacts } from '../heal/plan/picture.js';
import { cluster, id } from '../heal/plan/testdata/pictures.js';
import type { AgentHost } from '../host.js';
import { removeMember } from './remove-member.js';

const whole = cluster([0, 1, 2], [0, 2]);
const without = cluster([0, 2], [0, 2]);
const unsettled = new EtcdError('unhealthyCluster', 'https://10.0.0.0:2379', 'unhealthy cluster');

interface World {
  /** What etcd says to one removal after the other; `ok` where there are no more. */
  readonly answers?: readonly EtcdError[];
  /** Who has the lock, try by try; nobody where there are no more. */
  readonly holders?: readonly string[];
  /** The cluster, look by look; the last is repeated. */
  readonly looks?: readonly ClusterFacts[];
}

/** etcd1 is to be removed; the agent of etcd2 is asked. */
function world({ answers = [], holders = [], looks = [whole] }: World) {
  const told: string[] = [];
  const evidences: Evidence[] = [];
  let [sent, locks, looked, nowMs] = [0, 0, 0, 0];
  const admin = {
    async lock() {
      const owner = holders[locks];
      locks += 1;
      return owner === undefined ? { kind: 'held', release: async () => {} } : { kind: 'busy', owner };
    },
    async memberRemove() {
      const error = answers[sent];
      sent += 1;
      if (error !== undefined) throw error;
    },
  };
  const healer = {
    async lookNow() {
      const facts = looks[Math.min(looked, looks.length - 1)]!;
      looked += 1;
      const list = facts.kind === 'known' ? facts.members : undefined;
      const endpoints = [{ node: 'etcd0', admin, list, status: { memberId: id(0), leader: id(0) } }];
      return { spec: { node: 'etcd2' }, look: { endpoints }, picture: { cluster: facts } };
    },
    events: {
      async record(kind: string, rule: string, text: string, evidence: Evidence = {}) {
        told.push(`${kind} ${rule}: ${text}`);
        evidences.push(evidence);
      },
    },
  } as unknown as Healer;
  const host = {
    clock: {
      monotonicMs: () => nowMs,
      async sleep(ms: number) {
        nowMs += ms;
      },
    },
    log: { warn() {} },
  } as unknown as AgentHost;
  const run = (dryRun = false) => removeMember({ id: id(1), dryRun, by: 'ann' }, host, healer);
  return { run, told, evidences, seen: () => ({ sent, nowMs }) };
}

it('it is removed, and that is written down', async () => {
  const { run, told, seen } = world({});
  expect(await run()).toMatchObject({ removed: true, guards: [{ guard: 'quorum', ok: true }] });
  expect(told).toEqual([`operator removeMember: member ${id(1)} removed for ann`]);
  expect(seen()).toEqual({ sent: 1, nowMs: 0 });
});

it('a dry run, and a guard that says no, send nothing', async () => {
  const dry = world({});
  expect(await dry.run(true)).toMatchObject({ removed: false });
  const refused = world({ looks: [cluster([0, 1, 2], [0])] });
  expect(await refused.run()).toMatchObject({ removed: false, guards: [{ guard: 'quorum', ok: false }] });
  expect([dry.seen().sent, refused.seen().sent]).toEqual([0, 0]);
});

it.each([
  [false, 'not removed'],
  [true, 'would not be removed'],
])('what the first guard refuses is written down, with the numbers (dry run: %s)', async (dryRun, what) => {
  const { run, told, evidences } = world({ looks: [cluster([0, 1, 2], [0])] });
  await run(dryRun);
  const reason = '1 other voters of 3 healthy, 2 needed';
  expect(told).toEqual([`operator removeMember: member ${id(1)} ${what} for ann: quorum: ${reason}`]);
  expect(evidences).toEqual([{ by: 'ann', quorum: reason }]);
});

it('where members have to settle first, it is sent again', async () => {
  const { run, seen } = world({ answers: [unsettled, unsettled] });
  expect(await run()).toMatchObject({ removed: true });
  expect(seen()).toEqual({ sent: 3, nowMs: 1_000 });
});

it('for some seconds, and then etcd is quoted', async () => {
  const { run, told, seen } = world({ answers: Array.from({ length: 100 }, () => unsettled) });
  const { removed, guards } = await run();
  expect([removed, guards.at(-1)]).toEqual([
    false,
    { guard: 'etcd', ok: false, reason: expect.stringContaining('unhealthy cluster') },
  ]);
  expect(seen().nowMs).toBe(8_000);
  expect(told).toEqual([
    expect.stringMatching(/^operator removeMember: member .* not removed for ann: etcd: .*unhealthy cluster/),
  ]);
});

it('what etcd refuses for good is not sent again', async () => {
  const { run, seen } = world({
    answers: [new EtcdError('permissionDenied', 'https://x', 'permission denied')],
  });
  expect(await run()).toMatchObject({ removed: false });
  expect(seen().sent).toBe(1);
});

it('another that holds the lock for a moment is waited for, and so is a list that cannot be read', async () => {
  const locked = world({ holders: ['etcd0'] });
  expect(await locked.run()).toMatchObject({ removed: true });
  const unread: ClusterFacts = { kind: 'unknown', why: 'no leader', answering: 1 };
  const unreadable = world({ answers: [unsettled], looks: [whole, whole, unread, unread, whole] });
  expect(await unreadable.run()).toMatchObject({ removed: true });
});

it('one that is gone when it is looked for again has been removed', async () => {
  const { run, told, seen } = world({ answers: [unsettled], looks: [whole, whole, whole, without] });
  expect(await run()).toMatchObject({ removed: true });
  expect([seen().sent, told.length]).toEqual([1, 1]);
});

it('what is not in the list, or not to be read, is refused before anything', async () => {
  await expect(world({ looks: [without] }).run()).rejects.toThrow('is not in the list');
  const unread: ClusterFacts = { kind: 'unknown', why: 'no leader', answering: 1 };
  await expect(world({ looks: [unread] }).run()).rejects.toThrow('cannot be read: no leader');
});
