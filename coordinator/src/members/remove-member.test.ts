/** Who is asked to remove a member, what is written and told before, and what is left alone where a guard says no. */
import type { GuardView } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { readBootstrapRecord } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { fakeLink, finishedCluster, reachedOf } from '../testing/fake-agents.js';
import { removeMember } from './remove-member.js';

const holds: GuardView = { guard: 'quorum', ok: true, reason: '2 other voters of 3 healthy, 2 needed' };
const fails: GuardView = { guard: 'quorum', ok: false, reason: '1 other voters of 3 healthy, 2 needed' };

/** Three nodes; n2's host is gone. `guards`: what the agents say to a dry run, then to the removal itself. */
async function setUp(
  guards: readonly [GuardView, GuardView | Error],
  { listed = true, unhealthy = ['n2'] } = {},
) {
  const { cluster, record } = await finishedCluster();
  const log: string[] = [];
  const links = cluster.places.slice(0, 2).map((place) =>
    fakeLink(place, {
      async 'spec.apply'({ spec }) {
        const onDisk = (await readBootstrapRecord(cluster.state))?.unwanted.join();
        log.push(`${place.name} hears of ${spec.unwanted.join()} (on disk: ${onDisk})`);
        return { changed: true };
      },
      'member.remove'({ memberId, dryRun }) {
        log.push(`${place.name} ${dryRun ? 'would remove' : 'removes'} ${memberId}`);
        const guard = guards[dryRun ? 0 : 1];
        if (guard instanceof Error) throw guard;
        return { guards: [guard], removed: !dryRun && guard.ok };
      },
    }),
  );
  const members = record.members
    .filter(({ name }) => listed || name !== 'n2')
    .map(({ name, memberId, peerURLs }) => ({
      id: memberId,
      name,
      peerURLs,
      clientURLs: ['https://x:2379'],
      role: 'voter',
      started: true,
    }));
  const endpoints = cluster.places.map(({ name }) => ({
    name,
    health: unhealthy.includes(name) ? { kind: 'unhealthy', why: 'x' } : { kind: 'healthy', tookMs: 1 },
  }));
  const seen = { endpoints, members } as unknown as ClusterView;
  const run = (change: { dryRun?: boolean; yes?: boolean } = {}) =>
    removeMember(
      {
        cluster,
        node: 'n2',
        record,
        seen,
        dryRun: change.dryRun === true,
        confirm: async () => change.yes !== false,
      },
      reachedOf(links, [cluster.places[2]!]),
    );
  const unwanted = async () => (await readBootstrapRecord(cluster.state))?.unwanted;
  return { run, log, unwanted, id: record.members[2]!.memberId };
}

describe('a member is removed', () => {
  it('when its node was marked as not wanted, on disk first and then to all, and the guards were asked before', async () => {
    const { run, log, id } = await setUp([holds, holds]);
    const outcome = await run();
    expect(outcome.kind).toBe('removed');
    // Both hear of it at once: in which order they say so is nobody's business.
    expect([log[0], ...log.slice(1, 3).sort(), ...log.slice(3)]).toEqual([
      `n0 would remove ${id}`,
      'n0 hears of n2 (on disk: n2)',
      'n1 hears of n2 (on disk: n2)',
      `n0 removes ${id}`,
    ]);
    expect('published' in outcome && outcome.published.missed.map(({ place }) => place.name)).toEqual(['n2']);
  });

  it('through the agent of a healthy voter', async () => {
    const { run, log, id } = await setUp([holds, holds], { unhealthy: ['n0', 'n2'] });
    await run();
    expect(log.at(-1)).toBe(`n1 removes ${id}`);
  });
});

describe('nothing is written or told', () => {
  it.each<[string, readonly [GuardView, GuardView], { dryRun?: boolean; yes?: boolean }, string]>([
    ['where a guard says no', [fails, holds], {}, 'refused'],
    ['in a dry run', [holds, holds], { dryRun: true }, 'planned'],
    ['where the person says no', [holds, holds], { yes: false }, 'declined'],
  ])('%s', async (_name, guards, change, kind) => {
    const { run, log, unwanted, id } = await setUp(guards);
    expect((await run(change)).kind).toBe(kind);
    expect([log, await unwanted()]).toEqual([[`n0 would remove ${id}`], []]);
  });

  it.each([
    ['where no healthy voter has an agent that answers', ['n0', 'n1'], 5],
    ['without a quorum, whoever else is silent', ['n0', 'n1', 'n2'], 4],
  ])('%s', async (_name, unhealthy, exitCode) => {
    const { run, log, unwanted } = await setUp([holds, holds], { unhealthy });
    await expect(run()).rejects.toMatchObject({ exitCode });
    expect([log, await unwanted()]).toEqual([[], []]);
  });
});

it('a guard that fails only at the removal leaves the member, and the mark, and says so', async () => {
  const { run, unwanted } = await setUp([holds, fails]);
  expect(await run()).toMatchObject({ kind: 'stillThere', facts: { guards: [fails] } });
  expect(await unwanted()).toEqual(['n2']);
});

it('an agent that fails at the removal leaves the mark too, and its words are there', async () => {
  const { run, unwanted } = await setUp([holds, new Error('the link broke')]);
  const { kind, facts } = await run();
  expect([kind, facts.guards.at(-1)]).toEqual([
    'stillThere',
    { guard: 'agent', ok: false, reason: expect.stringMatching(/n0/) },
  ]);
  expect(await unwanted()).toEqual(['n2']);
});

it('a node that is not in the list any more is only marked', async () => {
  const { run, log, unwanted } = await setUp([holds, holds], { listed: false });
  expect(await run()).toMatchObject({ kind: 'removed', facts: { memberId: null } });
  expect(log.sort()).toEqual(['n0 hears of n2 (on disk: n2)', 'n1 hears of n2 (on disk: n2)']);
  expect(await unwanted()).toEqual(['n2']);
});
