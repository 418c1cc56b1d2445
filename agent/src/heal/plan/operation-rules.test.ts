/** What a node does while an operator puts another cluster in the place of its own, and afterwards. */
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { data, me, stepOf, waits } from './testdata/asking.js';
import { cluster, id, journal, peer, picture, silent, stopped, wiped } from './testdata/pictures.js';

describe('a cluster that was bootstrapped or restored anew elsewhere', () => {
  const peers = [peer(0, { generation: 5, clusterId: 'ffffffffffffffff' }), peer(1)];

  it('fences this etcd, and keeps its data', () => {
    expect(stepOf(picture({ peers }))).toEqual({ kind: 'stopEtcd' });
    waits(picture({ ...stopped(), peers, fencedBy: 5 }), /waiting for the coordinator/);
    waits(picture({ ...stopped(), fencedBy: 5 }), /waiting for the coordinator/);
  });

  it('is written down even where etcd is down already, and obeyed when somebody starts it and no peer tells of it', () => {
    expect(stepOf(picture({ ...stopped(), peers }))).toEqual({ kind: 'stopEtcd' });
    expect(stepOf(picture({ fencedBy: 5, peers: [silent(0), silent(1)] }))).toEqual({ kind: 'stopEtcd' });
  });

  it('is obeyed in a pause, and in mode watch', () => {
    const pause = { until: '2026-11-26T12:00:00Z', reason: 'night', by: 'ann' };
    expect(stepOf(picture({ peers, pause }))).toEqual({ kind: 'stopEtcd' });
    const policy = { ...picture().policy, mode: 'watch' as const };
    expect(stepOf(picture({ peers, policy }))).toEqual({ kind: 'stopEtcd' });
  });

  it('ends when the coordinator has given this node a generation of its own', () => {
    expect(stepOf(picture({ me: me({ generation: 6 }), fencedBy: 5 }))).toBeUndefined();
  });
});

describe('an operation over the whole cluster', () => {
  const heldBy = {
    operation: '0c3f9f5e-6a5b-4d0e-9b0a-1d2e3f4a5b6c',
    command: 'coordinator restore --resume',
  };

  it('holds every rule back, whatever is seen, and names the command that goes on with it', () => {
    for (const seen of [picture(), wiped(), picture({ ...stopped(), journal: journal() })])
      waits({ ...seen, me: me({ heldBy }) }, /operation: operation 0c3f.*coordinator restore --resume/);
  });

  it('does not keep this node from being fenced for a newer one', () => {
    const peers = [peer(0, { generation: 5, clusterId: 'ffffffffffffffff' })];
    expect(stepOf(picture({ me: me({ heldBy }), peers }))).toEqual({ kind: 'stopEtcd' });
  });
});

describe('data of a cluster that the spec names as a former one', () => {
  const former = 'f000000000000000' as Picture['me']['clusterId'];
  const away = (change: Partial<Picture> = {}) =>
    picture({
      ...stopped({ kind: 'inactive', detail: '' }),
      me: me({ former: [former], memberId: id(7) }),
      data: data({
        wal: { kind: 'present', clusterId: former, memberId: id(2) },
        begun: false,
        begunHere: false,
      }),
      cluster: cluster([0, 1], [0, 1]),
      ...change,
    });

  it('is not served any more, a pause or not', () => {
    const pause = { until: '2026-11-26T12:00:00Z', reason: 'night', by: 'ann' };
    const running = { service: picture().service, own: picture().own };
    expect(stepOf(away(running))).toEqual({ kind: 'stopEtcd' });
    expect(stepOf(away({ ...running, pause }))).toEqual({ kind: 'stopEtcd' });
  });

  it('goes by the ordinary repair, with its guards', () => {
    expect(stepOf(away())).toEqual({ kind: 'beginRepair', oldId: id(7) });
    waits(away({ watchedMs: 0 }), /rejoinFormer: .*watched/);
    waits(
      away({ cluster: { kind: 'unknown', why: 'no answer', answering: 0 } }),
      /rejoinFormer: .*no answer/,
    );
  });

  it('is moved aside by that repair, and then a new entry is added', () => {
    const begun = journal({ rule: 'rejoinFormer', oldId: id(7) });
    expect(stepOf(away({ journal: begun }))).toEqual({ kind: 'quarantineData' });
    const gone = data({ kind: 'missing', content: false, dir: undefined, wal: { kind: 'none' } });
    expect(stepOf(away({ journal: begun, data: gone }))).toEqual({ kind: 'addMember', role: 'learner' });
  });

  it('that began on nothing while its peers changed over is of a member that has forgotten what it had', () => {
    const misled = data({ begunForOther: true });
    const stopped = { service: { ...picture().service, kind: 'inactive', detail: 'stopped' } as const };
    expect(stepOf(picture({ data: misled }))).toEqual({ kind: 'beginRepair', oldId: id(2) });
    expect(stepOf(picture({ data: misled, ...stopped }))).toEqual({ kind: 'beginRepair', oldId: id(2) });
    waits(picture({ data: misled, ...stopped, watchedMs: 0 }), /rejoinMisled: .*watched/);
  });

  it('of any other cluster is left alone', () => {
    const other = away({ me: me({ former: ['e000000000000000' as typeof former] }) });
    waits(other, /foreignData: /);
    waits({ ...other, journal: journal({ rule: 'rejoinFormer', oldId: id(7) }) }, /it is not moved/);
  });
});
