import { quorum } from '@etcd-agent/etcd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lossSentences, recoveryScreen } from '../../output/recovery.js';
import { type Disk, instant, memberIdOf, node, silentNode, situation } from '../testing/reports.js';
import { holdsStill, planRecover, type RecoverPlan } from './plan-recover.js';
import type { Situation } from './situation.js';

function recovery(seen: Situation): Extract<RecoverPlan, { kind: 'recover' }> {
  const plan = planRecover(seen);
  if (plan.kind !== 'recover') expect.unreachable(plan.kind);
  return plan;
}

describe('a recovery is refused', () => {
  it('while a read still goes through anybody, by its agent’s word or the coordinator’s own', () => {
    const lost = [node(0, 3, {}), node(1, 3, 'wiped'), node(2, 3, 'wiped')];
    expect(planRecover(situation(lost)).kind).toBe('recover');
    expect(planRecover(situation([node(0, 3, { healthy: true }), ...lost.slice(1)]))).toEqual({
      kind: 'quorum',
      through: ['etcd0'],
    });
    expect(planRecover(situation(lost, { reads: ['etcd2'] }))).toEqual({
      kind: 'quorum',
      through: ['etcd2'],
    });
  });

  it('where a majority has its data: it says what starts them', () => {
    const plan = planRecover(
      situation([
        node(0, 3, 'wiped'),
        node(1, 3, { etcd: 'stopped', paused: true }),
        node(2, 3, { etcd: 'stopped', service: 'masked' }),
      ]),
    );
    expect(plan).toMatchObject({
      kind: 'start',
      intact: [
        { node: 'etcd1', runs: false, commands: ['coordinator heal resume'] },
        {
          node: 'etcd2',
          runs: false,
          commands: ['on etcd2: systemctl unmask etcd && systemctl enable --now etcd'],
        },
      ],
    });
  });

  it('where a majority runs and finds no leader', () => {
    expect(planRecover(situation([node(0, 3, {}), node(1, 3, {}), silentNode(2)]))).toMatchObject({
      kind: 'start',
      intact: [{ runs: true }, { runs: true }],
    });
  });

  it('while a node is silent and was not given up by name', () => {
    const seen = [node(0, 5, {}), node(1, 5, 'wiped'), silentNode(2), silentNode(3), silentNode(4)];
    expect(planRecover(situation(seen, { givenUp: ['etcd3'] }))).toMatchObject({
      kind: 'silent',
      missing: ['etcd2', 'etcd4'],
      enough: true,
    });
    expect(planRecover(situation(seen, { givenUp: ['etcd2', 'etcd3', 'etcd4'] }))).toMatchObject({
      kind: 'recover',
      takePart: ['etcd0', 'etcd1'],
      mayGoOn: true,
    });
  });

  it('where a node that answers is given up, where none has data, and where the wished one has none', () => {
    const lost = [node(0, 3, {}), node(1, 3, 'wiped'), node(2, 3, 'wiped')];
    expect(planRecover(situation(lost, { givenUp: ['etcd1'] }))).toEqual({
      kind: 'notSilent',
      nodes: ['etcd1'],
    });
    expect(planRecover(situation([1, 2, 3].map((at) => node(at, 3, 'wiped')))).kind).toBe('noData');
    expect(planRecover(situation(lost, { from: 'etcd2' }))).toMatchObject({
      kind: 'noSuchSurvivor',
      survivors: ['etcd0'],
    });
  });
});

it('a host that was enrolled anew and never configured may be given up, and takes no part then', () => {
  const fresh = node(1, 3, 'wiped');
  if (fresh.kind !== 'reported') expect.unreachable();
  const enrolled = { ...fresh, report: { ...fresh.report, spec: { kind: 'none' as const } } };
  const lost = [node(0, 3, {}), enrolled, node(2, 3, 'wiped')];
  expect(recovery(situation(lost)).takePart, 'for the restore to refuse').toContain('etcd1');
  expect(recovery(situation(lost, { givenUp: ['etcd1'] })).takePart).toEqual(['etcd0', 'etcd2']);
});

describe('an older disk', () => {
  it('does not count for a majority: two of three that were set back would forget what the third has acknowledged', () => {
    const plan = recovery(
      situation(
        [
          node(0, 3, { committed: 100 }),
          node(1, 3, { committed: 40, etcd: 'stopped' }),
          node(2, 3, 'wiped'),
          // Its agent has seen member 1 far beyond what that has now.
        ].map((each, at) => (at === 0 ? node(0, 3, { committed: 100, remembers: { 1: 90 } }) : each)),
      ),
    );
    expect(plan.recommended.survivor.node).toBe('etcd0');
    expect(plan.candidates[1]!.survivor.behind).toEqual({ by: 'etcd0', index: '90' });
  });
});

describe('the recommended survivor', () => {
  it('is the one that knows of most committed entries, before the one whose log is longer', () => {
    const plan = recovery(
      situation([
        node(0, 5, { committed: 90, more: 20 }),
        node(1, 5, { committed: 95 }),
        node(2, 5, 'wiped'),
        node(3, 5, 'wiped'),
        node(4, 5, 'wiped'),
      ]),
    );
    expect(plan.recommended.survivor.node).toBe('etcd1');
    expect(plan.reason).toContain('(95, etcd0 90)');
  });

  it('is one whose log goes further, by term first, and then one that runs, where all know as much', () => {
    const wiped = [2, 3, 4].map((at) => node(at, 5, 'wiped'));
    const of = (first: Disk, second: Disk) =>
      recovery(situation([node(0, 5, first), node(1, 5, second), ...wiped])).recommended.survivor.node;
    expect(of({ more: 2, term: 3 }, { more: 9, term: 2 })).toBe('etcd0');
    expect(of({ more: 2 }, { more: 3 })).toBe('etcd1');
    expect(of({ etcd: 'stopped' }, {})).toBe('etcd1');
  });

  it('may be overruled by name', () => {
    const plan = recovery(
      situation(
        [node(0, 5, {}), node(1, 5, { committed: 50 }), ...[2, 3, 4].map((at) => node(at, 5, 'wiped'))],
        {
          from: 'etcd1',
        },
      ),
    );
    expect(plan.chosen.survivor.node).toBe('etcd1');
    expect(plan.recommended.survivor.node).toBe('etcd0');
  });
});

describe('what was agreed to', () => {
  const wiped = [2, 3, 4].map((at) => node(at, 5, 'wiped'));
  const of = (first: Disk, second: Disk, from?: string) =>
    recovery(situation([node(0, 5, first), node(1, 5, second), ...wiped], { from }));

  it('holds while another that has as much comes before it, and not where one has more or it has less itself', () => {
    const before = of({}, { etcd: 'stopped' });
    expect(holdsStill(before, of({ etcd: 'stopped' }, {}, 'etcd0'), false)).toBe(true);
    const further = of({}, { committed: 101 }, 'etcd0');
    expect(holdsStill(before, further, false)).toBe(false);
    expect(holdsStill(before, further, true)).toBe(true);
    expect(holdsStill(before, of({ committed: 99 }, { committed: 99 }, 'etcd0'), true)).toBe(false);
  });

  it('does not hold where other nodes answer', () => {
    const seen = [node(0, 5, {}), node(1, 5, 'wiped'), ...wiped.slice(0, 2), silentNode(4)];
    const before = recovery(situation(seen, { givenUp: ['etcd4'] }));
    expect(holdsStill(before, recovery(situation([...seen.slice(0, 4), wiped[2]!])), false)).toBe(false);
  });
});

describe('what could be lost', () => {
  const wiped = [node(1, 3, 'wiped'), node(2, 3, 'wiped')];
  const lossesOf = (disk: Disk, others = wiped) =>
    recovery(situation([node(0, 3, disk), ...others])).chosen.losses;

  it('is everything after the last read that went through it, and no count', () => {
    expect(lossesOf({ servedIndex: 100 })).toEqual({
      kept: { before: instant },
      missing: undefined,
      unconfirmed: '0',
    });
  });

  it('is not known where no read was ever seen, or its data is of before that read', () => {
    expect(lossesOf({}).kept).toHaveProperty('notKnown');
    expect(lossesOf({ servedIndex: 101 }).kept).toHaveProperty('notKnown');
  });

  it('is at least what others were seen to have, and the end of its log that was never confirmed', () => {
    const other = node(1, 3, { committed: 0, etcd: 'stopped', remembers: { 1: 130, 2: 125, 7: 900 } });
    const losses = recovery(situation([node(0, 3, { more: 3 }), noData(other), wiped[1]!])).chosen.losses;
    expect(losses.missing).toEqual({ entries: '30', memberId: memberIdOf(1), index: '130', by: 'etcd1' });
    expect(losses.unconfirmed).toBe('3');
  });
});

describe('whatever the disks are', () => {
  const disk = fc.record({
    etcd: fc.constantFrom('runs' as const, 'stopped' as const),
    committed: fc.integer({ min: 20, max: 60 }),
    more: fc.integer({ min: 0, max: 4 }),
    term: fc.integer({ min: 1, max: 3 }),
    remembers: fc.dictionary(fc.constantFrom('0', '1', '2', '3', '4'), fc.integer({ min: 0, max: 70 })),
    servedIndex: fc.integer({ min: 10, max: 70 }),
  });
  const kinds = fc.array(fc.oneof(disk, fc.constant('wiped' as const), fc.constant('silent' as const)), {
    minLength: 3,
    maxLength: 5,
  });

  it('nobody who was recommended knows less than another, no majority of sound disks is given up, no kept moment is beyond the data', () => {
    fc.assert(
      fc.property(kinds, (all) => {
        const nodes = all.map((each, at) =>
          each === 'silent' ? silentNode(at) : node(at, all.length, each as Disk | 'wiped'),
        );
        const givenUp = nodes.filter(({ kind }) => kind === 'silent').map(({ name }) => name);
        const plan = planRecover(situation(nodes, { givenUp }));
        expect(plan.kind).not.toBe('silent');
        if (plan.kind !== 'recover') return;
        const sound = plan.candidates.filter(({ survivor }) => survivor.behind === undefined);
        expect(sound.length).toBeLessThan(quorum(all.length));
        const { survivor, losses } = plan.recommended;
        for (const other of plan.candidates)
          expect(BigInt(other.survivor.committed) <= BigInt(survivor.committed)).toBe(true);
        if ('before' in losses.kept)
          expect(BigInt(survivor.report.served!.index) <= BigInt(survivor.committed)).toBe(true);
        expect(lossSentences(plan.chosen).length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the screen', () => {
  it('shows the survivors side by side, what could be lost and what will be done', () => {
    const plan = recovery(
      situation(
        [
          node(0, 5, { committed: 160, more: 2, servedIndex: 150, remembers: { 0: 140, 4: 170 } }),
          node(1, 5, { committed: 158, etcd: 'stopped', servedIndex: 150 }),
          node(2, 5, 'wiped'),
          silentNode(3),
          silentNode(4, true),
        ],
        { givenUp: ['etcd3', 'etcd4'] },
      ),
    );
    expect(recoveryScreen('prod', plan)).toMatchInlineSnapshot(`
      "Cluster prod has no quorum, and no majority of its 5 voters has its data.

      NODE   ETCD     REVISION  COMMITTED  LOG ENDS AT   LOG WRITTEN               HAS ALL UNTIL
      etcd0  runs     150       160        162 (term 2)  2026-01-31T10:00:00.000Z  2026-01-31T10:00:00.000Z
      etcd1  stopped  >= 146    158        158 (term 2)  2026-01-31T10:00:00.000Z  2026-01-31T10:00:00.000Z
      etcd2: there is no WAL in /var/lib/etcd
      etcd3: given up: etcd3 (10.0.0.13:2400) does not answer
      etcd4: given up: etcd4 (10.0.0.14:2400) does not answer; its etcd runs

      Recommended: etcd0: it knows of more committed entries than any other (160, etcd1 158), and so has all that they have.

      Going on from etcd0:
        - Everything acknowledged before 2026-01-31T10:00:00.000Z (clock of etcd0) is kept. Everything acknowledged after that may be lost; how much that is, nobody who is left can know.
        - At least 10 entries of the log are lost: the agent of etcd0 has seen member a000000000000004 at entry 170, and etcd0 knows of 160.
        - 2 entries at the end of its log were never confirmed to etcd0 and will not be kept, though some may have been acknowledged.
        - etcd3, etcd4 cannot be a quorum; whoever reaches nothing else reads old data there, until its agent is back.
        - etcd runs on etcd4: stop it first.

      What will be done:
        1. start etcd on etcd1, so that the end of its log is in what is saved
        2. save a snapshot of etcd0, etcd1 to this host, each into a file of its own
        3. try the one of etcd0 on every node that takes part
        4. move all data of etcd0, etcd1, etcd2 aside; nothing is deleted
        5. restore that snapshot on etcd0, etcd1, etcd2, as a cluster with a new id
        6. start them, and compare them
      Another survivor: --from etcd1
      etcd3, etcd4: joins again by itself when its agent is back.
      Members in the beginning: etcd0, etcd1, etcd2."
    `);
  });
});

/** The same node after its data is gone; what its agent remembers stays. */
function noData(seen: ReturnType<typeof node>): ReturnType<typeof node> {
  if (seen.kind !== 'reported') return seen;
  return { ...seen, report: { ...seen.report, data: { kind: 'none', why: 'there is no WAL' } } };
}
