/** When a member is taken out and in again, situation by situation. A picture that is not named here is the one of testdata/pictures.ts. */
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import { me, stepOf, waits } from './testdata/asking.js';
import { cluster, id, member, peer, picture, silent, stopped, wiped } from './testdata/pictures.js';

describe('data gone', () => {
  it('begins a repair of the member that was there', () => {
    expect(planHeal(wiped())).toMatchObject({
      decision: { rule: 'rejoinDataGone', step: { kind: 'beginRepair', oldId: id(2) } },
      intent: 'rejoin',
    });
  });

  it('under an etcd that still runs begins one too', () => {
    const { data: gone, held } = wiped();
    expect(stepOf(picture({ data: gone, held }))).toEqual({ kind: 'beginRepair', oldId: id(2) });
  });

  it('begins one where somebody has added a new entry for this node that nobody has started', () => {
    const added = member(9, { name: '', started: false, node: 'etcd2', peerURLs: ['https://10.0.0.2:2380'] });
    const list = cluster([0, 1], [0, 1], { members: [member(0), member(1), added] });
    expect(stepOf(wiped({ cluster: list }))).toEqual({ kind: 'beginRepair', oldId: id(2) });
  });

  it('under an etcd that somebody had made another member of meanwhile replaces that member', () => {
    const other = member(9, { name: 'etcd2', node: 'etcd2', peerURLs: ['https://10.0.0.2:2380'] });
    const list = cluster([0, 1], [0, 1, 9], { members: [member(0), member(1), other] });
    const own = { ...picture().own, memberId: id(9) } as Picture['own'];
    const { data: gone, held } = wiped();
    expect(stepOf(picture({ data: gone, held, cluster: list, own }))).toEqual({
      kind: 'beginRepair',
      oldId: id(9),
    });
  });

  it('that was seen a moment ago is watched first', () => {
    waits(wiped({ held: { dataGone: 300 } }), /no WAL for 0.3 s/);
  });

  it('on another file system waits for a person: it may be an unmounted volume', () => {
    waits(wiped({ data: { ...wiped().data, fileSystem: 'other' } }), /accept-disk/);
  });

  it('where the cluster cannot be read waits, and says that it wants to rejoin', () => {
    const seen = wiped({ cluster: { kind: 'unknown', why: 'no leader', answering: 2 } });
    waits(seen, /no leader/);
    expect(planHeal(seen).intent).toBe('rejoin');
  });

  it.each<[string, Partial<Picture>, RegExp]>([
    [
      'paused',
      { pause: { until: '2026-11-25T13:00:00Z', reason: 'disk swap', by: 'ann' } },
      /paused until .* by ann: disk swap/,
    ],
    ['told to watch only', { policy: { ...picture().policy, mode: 'watch' } }, /mode is watch/],
    ['just started', { watchedMs: 1_000 }, /watched for 1 s of 5 s/],
    [
      'without a valid certificate',
      { me: me({ certificate: { usable: false, why: 'expired' } }) },
      /certificate: expired/,
    ],
    ['without room for the data', { me: me({ freeBytes: 1_000_000 }) }, /room: 1 MiB free/],
    ['not wanted any more', { me: me({ unwantedBy: 'generation 7 does not want it' }) }, /generation 7/],
    [
      'while another member joins',
      {
        cluster: cluster([0, 1, 2], [0, 1], {
          members: [member(0), member(1), member(2), member(3, { role: 'learner' })],
        }),
      },
      /etcd3 \(learner\) is joining/,
    ],
    [
      'with one healthy voter left',
      { cluster: cluster([0, 1, 2], [0]) },
      /1 other voters of 3 healthy, 2 needed/,
    ],
    ['of two voters', { cluster: cluster([0, 2], [0]) }, /fewer than three/],
    [
      'after a repair that did not hold',
      {
        history: [
          {
            rule: 'rejoinDataGone',
            startedMs: picture().wallMs - 40_000,
            endedMs: picture().wallMs - 20_000,
          },
        ],
      },
      /did not hold; the next one in 40 s/,
    ],
  ])('on a node that is %s waits and says so', (_, change, reason) => {
    waits(wiped(change), reason);
  });

  it('three times within a day, each soon after the last, waits for a person', () => {
    const now = picture().wallMs;
    const history = [30, 20, 10].map((minutes) => ({
      rule: 'rejoinDataGone',
      startedMs: now - (minutes - 1) * 60_000 - 120_000,
      endedMs: now - (minutes - 1) * 60_000,
    }));
    waits(wiped({ history, policy: { ...picture().policy, holdMs: 20 * 60_000 } }), /a person must look/);
  });

  it('on five nodes, with one silent, is not removed where that one would keep it from being added again', () => {
    const five = cluster([0, 1, 2, 3, 4], [0, 1, 3]);
    const peers = [peer(0), peer(1), peer(3), silent(4)];
    waits(wiped({ cluster: five, peers }), /while etcd4 is not connected.*member remove etcd4/);
    expect(stepOf(wiped({ cluster: five, peers, me: me({ addNeeds: 'quorum' }) }))?.kind).toBe('beginRepair');
  });

  it('after a stop by hand is not replaced meanwhile', () => {
    const byHand = {
      kind: 'inactive',
      enabled: 'yes',
      detail: 'success',
      upMs: 0,
      forMs: 5_000,
      failedStarts: 0,
      vainRestarts: 0,
    } as const;
    waits(wiped({ service: byHand }), /stopped by hand, and its WAL is gone/);
  });

  it('held back by more than the cluster does not tell others that it is about to rejoin', () => {
    const pause = { until: '2026-11-25T13:00:00Z', reason: 'r', by: 'b' };
    expect(planHeal(wiped({ pause })).intent).toBe('none');
    expect(planHeal(wiped({ watchedMs: 1_000 })).intent).toBe('rejoin');
  });

  it('on five nodes, with another that wants to rejoin too, goes on: both are removed before either is added', () => {
    const five = cluster([0, 1, 2, 3, 4], [0, 1, 3]);
    const peers = [peer(0), peer(1), peer(3), peer(4, { etcd: 'down', intent: 'rejoin' })];
    expect(stepOf(wiped({ cluster: five, peers }))?.kind).toBe('beginRepair');
  });
});

describe('removed by other hands', () => {
  const gone = (change: Partial<Picture> = {}) =>
    picture({
      ...stopped({ kind: 'restarting' }),
      cluster: cluster([0, 1], [0, 1]),
      held: { removed: 61_000 },
      ...change,
    });

  it('rejoins after a minute', () => {
    waits(gone({ held: { removed: 10_000 } }), /rejoins in 50 s/);
    expect(stepOf(gone())).toEqual({ kind: 'beginRepair', oldId: id(2) });
  });

  it('stays out where an operator wanted it, and its etcd is stopped', () => {
    const unwanted = { me: me({ unwantedBy: 'generation 9 does not want this node' }) };
    expect(stepOf(gone(unwanted))).toEqual({ kind: 'stopEtcd' });
    waits(gone({ ...unwanted, service: stopped().service }), /that is wanted: generation 9/);
  });
});

describe('a CORRUPT alarm', () => {
  const alarmed = (change: Partial<Picture> = {}) =>
    picture({
      cluster: cluster([0, 1, 2], [0, 1, 2], { alarms: [{ memberId: id(0), type: 'CORRUPT' }] }),
      ...change,
    });

  it('replaces this node where its keys alone differ from a quorum', () => {
    const seen = alarmed({
      hashes: { kind: 'differ', others: [id(2)], agreeing: 2 },
      held: { hashDiffers: 6_000 },
    });
    expect(stepOf(seen)).toEqual({ kind: 'beginRepair', oldId: id(2) });
  });

  it.each<[string, Picture['hashes']]>([
    ['another differs', { kind: 'differ', others: [id(1)], agreeing: 2 }],
    ['there is no majority', { kind: 'unclear', why: 'no quorum of voters has the same keys' }],
  ])('is only reported where %s', (_, hashes) => {
    waits(alarmed({ hashes, held: { hashDiffers: 6_000 } }), /corrupt/i);
  });

  it('is taken back by one agent when all keys are equal again', () => {
    const hashes = { kind: 'equal', voters: 3 } as const;
    expect(stepOf(alarmed({ hashes }))).toBeUndefined();
    expect(stepOf(alarmed({ hashes, me: me({ node: 'etcd0' }) }))?.kind).toBe('disarm');
  });
});

describe('a reinstalled host', () => {
  const fresh = (inactive: number) =>
    wiped({
      data: { ...wiped().data, begun: false, begunHere: false, fileSystem: 'neverSeen' },
      me: me({ replaces: id(2) }),
      held: { [`inactive:${id(2)}`]: inactive },
    });

  it('takes the place of its former member once nobody sees that one alive', () => {
    waits(fresh(3_000), /two hosts under one name/);
    expect(stepOf(fresh(11_000))).toEqual({ kind: 'beginRepair', oldId: id(2) });
  });
});
