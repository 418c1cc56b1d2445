/** Who is asked to remove a member, what is written and told before, and what is left alone where a guard says no. */
import { Fault, type GuardView } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { readBootstrapRecord } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { removalView } from '../commands/member-remove.js';
import { fakeLink, finishedCluster, reachedOf } from '../testing/fake-agents.js';
import { removeMember } from './remove-member.js';

const holds: GuardView = { guard: 'quorum', ok: true, reason: '2 other voters of 3 healthy, 2 needed' };
const fails: GuardView = { guard: 'quorum', ok: false, reason: '1 other voters of 3 healthy, 2 needed' };

/** The member that n2 has after a repair of its own. */
const repairedId = '0123456789abcdef';

/** The list at one look: n2's member as it was bootstrapped, or another, or none; or no list that is current. */
type Look = 'itself' | 'repaired' | 'none' | 'unread';

/**
 * Three nodes; n2's host is gone. `guards`: what the agents say to a dry run, then to the removal itself. `looks`: the list,
 * look by look; the last is repeated.
 */
async function setUp(
  guards: readonly [GuardView, GuardView | Error],
  { looks = ['itself'], unhealthy = ['n2'] }: { looks?: readonly Look[]; unhealthy?: readonly string[] } = {},
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
  const listAt = (at: Look) =>
    record.members
      .filter(({ name }) => at !== 'none' || name !== 'n2')
      .map(({ name, memberId, peerURLs }) => ({
        id: at === 'repaired' && name === 'n2' ? repairedId : memberId,
        name,
        peerURLs,
        clientURLs: ['https://x:2379'],
        role: 'voter',
        started: true,
      }));
  let looked = 0;
  const look = async () => {
    const at = looks[Math.min(looked, looks.length - 1)]!;
    looked += 1;
    const endpoints = cluster.places.map(({ name }) => ({
      name,
      health:
        at === 'unread' || unhealthy.includes(name)
          ? { kind: 'unhealthy', why: 'x' }
          : { kind: 'healthy', tookMs: 1 },
    }));
    return { endpoints, members: listAt(at) } as unknown as ClusterView;
  };
  const run = (change: { dryRun?: boolean; yes?: boolean } = {}) =>
    removeMember(
      {
        cluster,
        node: 'n2',
        record,
        look,
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

describe('where the link broke after the removal was asked for', () => {
  const broken = new Error('the link broke');

  it('and the member is listed still, nobody can tell: the agent may be at it', async () => {
    const { run, unwanted } = await setUp([holds, broken]);
    const outcome = await run();
    expect([outcome.kind, outcome.facts.guards.at(-1)]).toEqual([
      'unknown',
      { guard: 'agent', ok: false, reason: expect.stringMatching(/n0/) },
    ]);
    expect(await unwanted()).toEqual(['n2']);
    const { table, notes, exit } = removalView(outcome);
    expect([table?.split('\n')[0], exit]).toEqual([
      expect.stringMatching(/^whether member .* of n2 is removed is not known$/),
      'failed',
    ]);
    expect(notes?.at(-1)).toMatch(/^next: coordinator member list; .*coordinator member remove n2/);
  });

  it('and the list shows that it is gone, it is removed', async () => {
    const { run, id } = await setUp([holds, broken], { looks: ['itself', 'itself', 'itself', 'none'] });
    expect(await run()).toMatchObject({ kind: 'removed', facts: { memberId: id } });
  });

  it('and no current list can be read, nobody can tell', async () => {
    const { run } = await setUp([holds, broken], { looks: ['itself', 'itself', 'itself', 'unread'] });
    expect((await run()).kind).toBe('unknown');
  });

  it('but an agent that refused has removed nothing', async () => {
    const { run } = await setUp([holds, new Fault('refused', 'the members cannot be read')]);
    expect((await run()).kind).toBe('stillThere');
  });
});

it('a call that etcd did not confirm is looked after in the list', async () => {
  const etcd: GuardView = { guard: 'etcd', ok: false, reason: 'deadline' };
  const { run } = await setUp([holds, etcd], { looks: ['itself', 'itself', 'itself', 'none'] });
  expect((await run()).kind).toBe('removed');
});

describe('where the own repair of the node changes the list meanwhile', () => {
  it('a member that came while the person was asked is left alone, and that is said', async () => {
    const { run, log, unwanted } = await setUp([holds, holds], { looks: ['none', 'repaired'] });
    const outcome = await run();
    expect(outcome).toMatchObject({ kind: 'changed', facts: { memberId: null }, nowId: repairedId });
    expect([log, await unwanted()]).toEqual([[], []]);
    const { table, notes, exit } = removalView(outcome);
    expect([table, exit]).toEqual([expect.stringContaining(repairedId), 'refused']);
    expect(notes?.join()).toContain('coordinator member remove n2');
  });

  it('and so is one under another id than was confirmed', async () => {
    const { run, unwanted } = await setUp([holds, holds], { looks: ['itself', 'repaired'] });
    expect(await run()).toMatchObject({ kind: 'changed', nowId: repairedId });
    expect(await unwanted()).toEqual([]);
  });

  it('a member that came before the node heard that it is not wanted is removed, through the guards', async () => {
    const { run, log } = await setUp([holds, holds], { looks: ['none', 'none', 'repaired'] });
    expect(await run()).toMatchObject({ kind: 'removed', facts: { memberId: repairedId, guards: [holds] } });
    expect(log.at(-1)).toBe(`n0 removes ${repairedId}`);
    const refused = await setUp([holds, fails], { looks: ['none', 'none', 'repaired'] });
    expect(await refused.run()).toMatchObject({ kind: 'stillThere', facts: { memberId: repairedId } });
  });

  it('without a current list after the mark nobody says that it is removed', async () => {
    const { run, unwanted } = await setUp([holds, holds], { looks: ['none', 'none', 'unread'] });
    expect([(await run()).kind, await unwanted()]).toEqual(['unknown', ['n2']]);
  });
});

it('a node that is not in the list any more is only marked', async () => {
  const { run, log, unwanted } = await setUp([holds, holds], { looks: ['none'] });
  expect(await run()).toMatchObject({ kind: 'removed', facts: { memberId: null } });
  expect(log.sort()).toEqual(['n0 hears of n2 (on disk: n2)', 'n1 hears of n2 (on disk: n2)']);
  expect(await unwanted()).toEqual(['n2']);
});
