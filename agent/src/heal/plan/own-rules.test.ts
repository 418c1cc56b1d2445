/** What a node does for its own etcd whose data is fine, situation by situation. A picture that is not named here is the one of testdata/pictures.ts. */
import { describe, expect, it } from 'vitest';
import { conditions } from './conditions.js';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import { data, me, stepOf, waits } from './testdata/asking.js';
import { cluster, id, member, peer, picture, silent, stopped } from './testdata/pictures.js';

describe('etcd down with its data intact', () => {
  const lost = { kind: 'unknown', why: 'no leader', answering: 1 } as const;
  const checked = (change: Partial<Extract<Picture['disk'], { kind: 'checked' }>> = {}) =>
    ({
      kind: 'checked',
      position: { term: '3', index: '100' },
      why: 'ends at 100',
      remembered: undefined,
      behind: false,
      forMs: 10,
      ...change,
    }) as const;

  it('is compared with what others remember, then started', () => {
    expect(stepOf(picture(stopped()))).toEqual({ kind: 'checkDisk' });
    expect(stepOf(picture({ ...stopped(), disk: checked() }))).toEqual({ kind: 'startEtcd' });
  });

  it('is started without a quorum too, and nothing else is done', () => {
    expect(stepOf(picture({ ...stopped(), cluster: lost, disk: checked() }))).toEqual({ kind: 'startEtcd' });
  });

  it('is compared again when the comparison is old: somebody may have restored a backup', () => {
    expect(stepOf(picture({ ...stopped(), disk: checked({ forMs: 60_000 }) }))).toEqual({
      kind: 'checkDisk',
    });
  });

  it('with a head of its WAL that cannot be read is started: etcd says itself what is wrong', () => {
    const damaged = data({ wal: { kind: 'unreadable', why: 'checksum' } });
    expect(stepOf(picture({ ...stopped(), data: damaged, disk: checked() }))).toEqual({ kind: 'startEtcd' });
    expect(
      stepOf(picture({ ...stopped(), data: { ...damaged, begunHere: false }, disk: checked() })),
    ).toBeUndefined();
  });

  it('whose data dir cannot be looked at is left alone, running or not: that is not data that is gone', () => {
    const hidden = data({ kind: 'unknown', why: 'no access', wal: { kind: 'none' } });
    waits(
      picture({ ...stopped(), data: hidden, held: { dataGone: 60_000 } }),
      /does not mean that it is empty/,
    );
    expect(conditions(picture({ data: hidden }))).not.toContain('dataGone');
    const plan = planHeal(picture({ data: hidden }));
    expect(plan.decision).toBeUndefined();
    expect(plan.waiting).toMatchObject([{ rule: 'startEtcd', reason: expect.stringContaining('no access') }]);
  });

  describe('and no other agent answers', () => {
    const alone = (forMs: number, change: Partial<Picture> = {}) =>
      picture({
        ...stopped(),
        peers: [silent(0), silent(1)],
        disk: checked(),
        held: { alone: forMs, unasked: forMs },
        ...change,
      });
    const started = { step: { kind: 'startEtcd' }, why: expect.stringContaining('no other agent') };

    it('is started after five seconds where the others have a quorum', () => {
      waits(alone(4_900), /asking the other agents.*none answers/);
      expect(planHeal(alone(5_000)).decision).toMatchObject(started);
    });

    it('waits five minutes where they have none: on an older disk it could take back what was acknowledged', () => {
      waits(alone(299_000, { cluster: lost }), /none answers.*started all the same in 1 s/);
      expect(planHeal(alone(300_000, { cluster: lost })).decision).toMatchObject(started);
    });

    it('says of each why it does not answer', () => {
      const { waiting } = planHeal(alone(1, { cluster: lost }));
      expect(waiting.at(-1)).toMatchObject({
        reason: expect.stringContaining('no quorum is seen'),
        evidence: { etcd0: expect.any(String), etcd1: expect.any(String) },
      });
    });

    it('waits for nobody where there is nobody else, or nobody who is wanted', () => {
      expect(stepOf(alone(1, { peers: [], cluster: lost }))).toEqual({ kind: 'startEtcd' });
      const removed = { ...picture().me, unwanted: ['etcd0', 'etcd1'] };
      expect(stepOf(alone(1, { me: removed, cluster: lost }))).toEqual({ kind: 'startEtcd' });
    });

    it('waits no longer when one does answer, where the others have a quorum', () => {
      expect(stepOf(alone(1, { peers: [silent(0), peer(1)] }))).toEqual({ kind: 'startEtcd' });
    });
  });

  describe('and some other agents answer', () => {
    const some = (held: Picture['held'], peers: Picture['peers'], change: Partial<Picture> = {}) =>
      picture({ ...stopped(), peers, disk: checked(), cluster: lost, held, ...change });
    const one = [silent(0), peer(1)];

    it('waits a minute where the silent ones may have been a quorum with it, while those that answer were away', () => {
      waits(
        some({ unasked: 59_000, someUnasked: 59_000 }, one),
        /this node with etcd0, not heard yet; started all the same in 1 s/,
      );
      expect(planHeal(some({ unasked: 60_000, someUnasked: 60_000 }, one)).decision).toMatchObject({
        step: { kind: 'startEtcd' },
        why: expect.stringContaining('etcd0 could not be asked for 60 s'),
      });
    });

    it('waits that minute from the first answer on, and five in all', () => {
      waits(some({ unasked: 240_000, someUnasked: 1_000 }, one), /all the same in 59 s/);
      waits(some({ unasked: 299_000, someUnasked: 1_000 }, one), /all the same in 1 s/);
      expect(stepOf(some({ unasked: 300_000, someUnasked: 1_000 }, one))).toEqual({ kind: 'startEtcd' });
    });

    it('waits for nobody where the silent ones cannot have been a quorum with it', () => {
      expect(stepOf(some({}, [peer(0), peer(1)]))).toEqual({ kind: 'startEtcd' });
      const three = [peer(0), peer(1), peer(3), silent(4)];
      expect(stepOf(some({}, three))).toEqual({ kind: 'startEtcd' });
      waits(some({}, [peer(0), peer(1), silent(3), silent(4)]), /this node with etcd3, etcd4, not heard/);
    });

    it('does not count nodes that were removed for good', () => {
      const removed = { ...picture().me, unwanted: ['etcd0'] };
      expect(stepOf(some({}, one, { me: removed }))).toEqual({ kind: 'startEtcd' });
    });
  });

  it('is not started where the disk is behind: it rejoins with a quorum of the others, and waits without', () => {
    const disk = checked({ behind: true, remembered: { term: '3', index: '500', by: 'etcd0' } });
    expect(stepOf(picture({ ...stopped(), disk }))).toEqual({ kind: 'beginRepair', oldId: id(2) });
    waits(
      picture({ ...stopped(), disk, cluster: { kind: 'unknown', why: 'no leader', answering: 1 } }),
      /rolled back.*a person must choose/,
    );
  });

  it.each<[string, Partial<Picture['service']>, RegExp]>([
    [
      'stopped by hand a moment ago',
      { kind: 'inactive', detail: 'success', forMs: 10_000 },
      /stopped by hand; started again in 50 s/,
    ],
    ['disabled', { kind: 'inactive', enabled: 'no' }, /disabled/],
    ['masked', { kind: 'masked' }, /masked/],
    ['started twice in vain', { failedStarts: 3, forMs: 1_000 }, /start 4 in 3 s/],
  ])('%s is waited for', (_, service, reason) => {
    waits(picture({ ...stopped(service), disk: checked() }), reason);
  });

  it('on a host without the address of the cluster is not started', () => {
    waits(picture({ ...stopped(), me: me({ addressHere: false }) }), /no address of this host/);
  });

  it('of another cluster is not started, and not moved', () => {
    const wal = {
      kind: 'present',
      clusterId: 'dddddddddddddddd',
      memberId: id(2),
    } as unknown as Picture['data']['wal'];
    waits(picture({ ...stopped(), data: data({ wal }) }), /of cluster dddd/);
  });

  it('that is a copy of another node is not started', () => {
    const wal = { kind: 'present', clusterId: picture().me.clusterId, memberId: id(1) } as const;
    waits(picture({ ...stopped(), data: data({ wal }) }), /a copy of that node's data/);
  });

  it('of a member that somebody put in by hand becomes this node’s', () => {
    const byHand = cluster([0, 1], [0, 1], {
      members: [member(0), member(1), member(7, { peerURLs: ['https://10.0.0.2:2380'], node: 'etcd2' })],
    });
    const wal = { kind: 'present', clusterId: picture().me.clusterId, memberId: id(7) } as const;
    expect(stepOf(picture({ ...stopped(), cluster: byHand, data: data({ wal }) }))).toEqual({
      kind: 'adoptMember',
      id: id(7),
    });
  });
});

describe('etcd that ends again and again', () => {
  const ends = (corruptInARow: number, code: string) => ({ corruptInARow, code, text: `panic: ${code}` });
  const dying = stopped({ kind: 'restarting' });

  it('in a message of damaged data, three times, is replaced', () => {
    waits(picture({ ...dying, ends: ends(2, 'walCrc') }), /2 of 3 starts ended/);
    expect(stepOf(picture({ ...dying, ends: ends(3, 'walCrc') }))).toEqual({
      kind: 'beginRepair',
      oldId: id(2),
    });
  });

  it('in the panic of a forgotten log is replaced at once', () => {
    expect(stepOf(picture({ ...dying, ends: ends(1, 'tocommit') }))?.kind).toBe('beginRepair');
  });

  it('for another reason is left to be started again', () => {
    expect(planHeal(picture({ ...dying, ends: ends(0, '') })).decision).toBeUndefined();
  });
});

describe('etcd that runs and does not answer', () => {
  const silentFor = (ms: number) =>
    ({
      own: { kind: 'silent', why: 'no answer' },
      held: { silent: ms },
      cluster: cluster([0, 1, 2], [0, 1]),
    }) as const;

  it('is restarted after ten seconds, where the others have a quorum', () => {
    waits(picture(silentFor(5_000)), /restarted after 10 s/);
    expect(stepOf(picture(silentFor(11_000)))).toEqual({ kind: 'restartEtcd' });
    waits(picture({ ...silentFor(11_000), cluster: cluster([0, 1, 2], [0]) }), /1 other voters/);
  });

  it('is not, while a peer sees it healthy: then the way to it is what is wrong', () => {
    const sights = [{ node: 'etcd2', agent: 'up', agentForMs: 1, etcd: 'healthy', etcdForMs: 1 }] as const;
    waits(
      picture({ ...silentFor(11_000), peers: [peer(0, { sights: [...sights] }), peer(1)] }),
      /etcd0 sees it healthy/,
    );
  });

  it('is not, while it defragments', () => {
    waits(picture({ ...silentFor(11_000), data: data({ busy: 'db.tmp.123' }) }), /at work on its database/);
  });

  it('is given twice as long after each restart that was in vain: it may be reading a long log', () => {
    const started = (vainRestarts: number, upMs: number) =>
      picture({
        ...silentFor(11_000),
        service: { ...picture().service, vainRestarts, failedStarts: 9, upMs },
      });
    expect(stepOf(started(0, 61_000))).toEqual({ kind: 'restartEtcd' });
    waits(started(1, 100_000), /left alone until it has run for 120 s/);
    expect(stepOf(started(1, 121_000))).toEqual({ kind: 'restartEtcd' });
    waits(started(2, 121_000), /run for 240 s/);
    waits(started(20, 1_900_000), /run for 1920 s/);
    expect(stepOf(started(20, 1_921_000))).toEqual({ kind: 'restartEtcd' });
  });

  it('is not, while it has just started or its disk explains it', () => {
    expect(
      stepOf(picture({ ...silentFor(11_000), service: { ...picture().service, upMs: 20_000 } })),
    ).toBeUndefined();
    waits(picture({ ...silentFor(11_000), me: me({ ioPressure: 80 }) }), /waited for 80 %/);
  });
});

describe('files of etcd', () => {
  it('that are damaged are restored, those that cannot be are said', () => {
    expect(stepOf(picture({ files: { kind: 'damaged', which: ['/etc/etcd/etcd.conf'] } }))).toEqual({
      kind: 'restoreFiles',
    });
    waits(picture({ ...stopped(), files: { kind: 'lost', why: 'no keys' } }), /no keys/);
  });
});
