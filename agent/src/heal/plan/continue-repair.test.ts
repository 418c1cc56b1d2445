/** How a repair that has begun goes on, from its journal and from what is true. A picture that is not named here is the one of testdata/pictures.ts. */
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { data, me, stepOf, waits } from './testdata/asking.js';
import { cluster, id, journal, member, peer, picture, stopped, wiped } from './testdata/pictures.js';

describe('a repair under way', () => {
  const repairing = (change: Partial<Picture> = {}) => wiped({ journal: journal(), ...change });

  it('of a member that leads hands the leadership over, but not for ever', () => {
    const leads = { kind: 'answers', ...(picture().own as object), leader: id(2) } as Picture['own'];
    const running = { service: picture().service, own: leads, cluster: cluster([0, 1, 2], [0, 1, 2]) };
    expect(stepOf(repairing(running))).toEqual({ kind: 'moveLeader', to: id(0) });
    expect(stepOf(repairing({ ...running, held: { leading: 6_000 } }))).toEqual({ kind: 'stopVoter' });
  });

  it('of a member that leads does not hand it to one that is about to be replaced too', () => {
    const leads = { kind: 'answers', ...(picture().own as object), leader: id(2) } as Picture['own'];
    const running = { service: picture().service, own: leads, cluster: cluster([0, 1, 2], [0, 1, 2]) };
    const leaving = [peer(0, { intent: 'rejoin' }), peer(1)];
    expect(stepOf(repairing({ ...running, peers: leaving }))).toEqual({ kind: 'moveLeader', to: id(1) });
    const both = [peer(0, { intent: 'rejoin' }), peer(1, { intent: 'rejoin' })];
    expect(stepOf(repairing({ ...running, peers: both }))).toEqual({ kind: 'stopVoter' });
  });

  it('that was begun for damaged data is given up where etcd serves on that data again', () => {
    const serving = {
      service: picture().service,
      own: picture().own,
      cluster: cluster([0, 1, 2], [0, 1, 2]),
    };
    expect(stepOf(repairing({ ...serving, journal: journal({ rule: 'rejoinCorrupt' }) }))).toEqual({
      kind: 'abandonRepair',
    });
    expect(stepOf(repairing({ ...serving, journal: journal({ rule: 'replaceMember' }) }))).toEqual({
      kind: 'stopVoter',
    });
  });

  it('that is paused after its stop starts an etcd again whose data is whole', () => {
    const pause = { until: '2026-11-25T13:00:00Z', reason: 'r', by: 'b' };
    const whole = { pause, data: data({}), journal: journal({ rule: 'replaceMember' }) };
    expect(stepOf(repairing({ ...whole, stalledMs: 20_000 }))).toEqual({ kind: 'checkDisk' });
    waits(repairing({ ...whole, stalledMs: 1_000 }), /paused/);
  });

  it("waits where the address is no more this host's: it may run on a clone", () => {
    waits(repairing({ me: me({ addressHere: false }) }), /no address of this host/);
  });

  it('stops etcd, then removes the old entry, and not before', () => {
    expect(stepOf(repairing({ service: picture().service, own: picture().own }))).toEqual({
      kind: 'stopVoter',
    });
    expect(stepOf(repairing())).toEqual({ kind: 'removeMember', id: id(2) });
  });

  it('does not remove while too few others are healthy', () => {
    waits(repairing({ cluster: cluster([0, 1, 2], [1]) }), /1 other voters of 3 healthy/);
  });

  it('is given up when the data is there again before anything was removed', () => {
    expect(stepOf(repairing({ data: data({}) }))).toEqual({ kind: 'abandonRepair' });
  });

  it('that is paused before the removal waits; after it, it goes on', () => {
    const pause = { until: '2026-11-25T13:00:00Z', reason: 'r', by: 'b' };
    waits(repairing({ pause }), /paused/);
    expect(stepOf(repairing({ pause, cluster: cluster([0, 1], [0, 1]) }))).toEqual({
      kind: 'addMember',
      role: 'learner',
    });
  });

  it('of a node that an operator removed meanwhile is given up', () => {
    const unwanted = me({ unwantedBy: 'generation 9 does not want it' });
    expect(stepOf(repairing({ me: unwanted, cluster: cluster([0, 1], [0, 1]) }))).toEqual({
      kind: 'abandonRepair',
    });
  });

  it('does not move aside a directory that is not the condemned one', () => {
    const other = data({ wal: { kind: 'none' }, dir: { dev: 1, ino: 99 } });
    waits(
      repairing({ data: other, cluster: cluster([0, 1], [0, 1]) }),
      /not the directory that was condemned/,
    );
  });

  it('moves the data of the removed member aside though its directory has another device number since a boot', () => {
    const moved = data({ dir: { dev: 7, ino: 2 } });
    expect(stepOf(repairing({ data: moved, cluster: cluster([0, 1], [0, 1]) }))).toEqual({
      kind: 'quarantineData',
    });
  });

  it.each([undefined, id(8)])(
    'is given up when somebody has replaced the member meanwhile (its own entry was %s)',
    (newId) => {
      const byHand = member(9, { node: 'etcd2', peerURLs: ['https://10.0.0.2:2380'] });
      const change = {
        journal: journal({ stage: 'added', ...(newId === undefined ? {} : { newId }) }),
        data: data({
          wal: { kind: 'present', clusterId: me({}).clusterId, memberId: id(9) },
          dir: { dev: 1, ino: 99 },
        }),
        cluster: cluster([0, 1], [0, 1], { members: [member(0), member(1), byHand] }),
      };
      expect(stepOf(repairing(change))).toEqual({ kind: 'abandonRepair' });
      const elsewhere = { ...byHand, peerURLs: ['https://10.0.0.9:2380'] };
      const others = cluster([0, 1], [0, 1], { members: [member(0), member(1), elsewhere] });
      expect(stepOf(repairing({ ...change, cluster: others }))).not.toEqual({ kind: 'abandonRepair' });
    },
  );

  it('whose cluster cannot be read starts a member again whose data is whole, for a quorum may need it', () => {
    const lost = { kind: 'unknown', why: 'no leader', answering: 1 } as const;
    const back = { cluster: lost, data: data({}), stalledMs: 20_000 };
    expect(stepOf(repairing(back))).toEqual({ kind: 'checkDisk' });
    waits(repairing({ ...back, stalledMs: 1_000 }), /no leader/);
    waits(repairing({ ...back, journal: journal({ rule: 'rejoinCorrupt' }) }), /no leader/);
  });

  it('moves data aside only when the old entry is gone', () => {
    const left = { data: data({ wal: { kind: 'none' } }) };
    expect(stepOf(repairing(left))?.kind).toBe('removeMember');
    expect(stepOf(repairing({ ...left, cluster: cluster([0, 1], [0, 1]) }))).toEqual({
      kind: 'quarantineData',
    });
  });

  it('adds a voter where etcd has no learners, and only with a quorum of the enlarged cluster', () => {
    const old = me({ learners: false });
    expect(stepOf(repairing({ me: old, cluster: cluster([0, 1], [0, 1]) }))).toEqual({
      kind: 'addMember',
      role: 'voter',
    });
    waits(repairing({ me: old, cluster: cluster([0, 1, 3, 4], [0, 1]) }), /2 of 4 voters healthy, 3 needed/);
  });

  it('adds nothing where what failed tries have left takes the room: no join would end', () => {
    waits(
      repairing({ me: me({ freeBytes: 100 * 1024 * 1024 }), cluster: cluster([0, 1], [0, 1]) }),
      /100 MiB free for the new data, 160 MiB needed/,
    );
  });

  it('takes an unstarted entry of its own for its own', () => {
    const own = member(9, {
      name: '',
      started: false,
      role: 'learner',
      node: 'etcd2',
      peerURLs: ['https://10.0.0.2:2380'],
    });
    const seen = cluster([0, 1], [0, 1], { members: [member(0), member(1), own] });
    expect(stepOf(repairing({ cluster: seen }))).toEqual({ kind: 'adoptEntry', id: id(9) });
  });

  describe('with an entry added', () => {
    const entry = member(9, {
      name: '',
      started: false,
      role: 'learner',
      node: 'etcd2',
      peerURLs: ['https://10.0.0.2:2380'],
    });
    const list = [member(0), member(1), entry];
    const everywhere = [0, 1].map((node) => ({ node: `etcd${node}`, ids: list.map((each) => each.id) }));
    const joining = (change: Partial<Picture> = {}) =>
      repairing({
        journal: journal({ newId: id(9), stage: 'added' }),
        me: me({ memberId: id(9) }),
        cluster: cluster([0, 1], [0, 1], { members: list, local: everywhere }),
        ...change,
      });
    const serving = {
      service: picture().service,
      data: data({ wal: { kind: 'present', clusterId: picture().me.clusterId, memberId: id(9) } }),
      own: { ...picture().own, memberId: id(9), isLearner: true, healthy: false } as Picture['own'],
    };

    it('starts when every peer lists the new entry and not the old', () => {
      expect(stepOf(joining())).toEqual({ kind: 'startJoin', id: id(9) });
    });

    it('does not start while one peer still lists the old', () => {
      const stale = [everywhere[0]!, { node: 'etcd1', ids: [id(0), id(1), id(2)] }];
      waits(
        joining({ cluster: cluster([0, 1], [0, 1], { members: list, local: stale }) }),
        /etcd1 does not list the new entry yet/,
      );
    });

    it('stops and moves aside what has started under another id', () => {
      const strange = data({ wal: { kind: 'present', clusterId: picture().me.clusterId, memberId: id(2) } });
      expect(stepOf(joining({ data: strange, service: picture().service }))).toEqual({ kind: 'stopEtcd' });
      expect(stepOf(joining({ data: strange }))).toEqual({ kind: 'quarantineData' });
    });

    it('promotes the learner when it answers, and finishes when a read goes through it', () => {
      expect(stepOf(joining(serving))).toEqual({ kind: 'promote', id: id(9) });
      const voter = { ...entry, role: 'voter', started: true } as const;
      const promoted = joining({
        ...serving,
        cluster: cluster([0, 1], [0, 1, 9], { members: [member(0), member(1), voter], local: everywhere }),
        own: { ...serving.own, isLearner: false, healthy: true } as Picture['own'],
      });
      expect(stepOf(promoted)).toEqual({ kind: 'finishRepair', id: id(9) });
    });

    it('writes the files of etcd again where they are lost meanwhile, before it waits for etcd', () => {
      const files = { kind: 'damaged', which: ['/etc/etcd/etcd.conf'] } as const;
      const restarting = { ...stopped().service, kind: 'restarting' } as const;
      const own = { kind: 'notAsked' } as const;
      expect(stepOf(joining({ ...serving, own, files, service: restarting }))).toEqual({
        kind: 'restoreFiles',
      });
    });

    it('takes the entry back when nothing has come for too long', () => {
      const stalled = { ...serving, own: { kind: 'silent', why: 'no answer' }, stalledMs: 400_000 } as const;
      expect(stepOf(joining(stalled))).toEqual({ kind: 'stopEtcd' });
      expect(stepOf(joining({ ...stalled, service: stopped().service }))).toEqual({
        kind: 'takeBack',
        id: id(9),
      });
    });

    it('takes back an entry that has served and whose data is gone again, where the others are enough', () => {
      const served = { ...entry, name: 'etcd2', role: 'voter', started: true } as const;
      const members = [member(0), member(1), served];
      const all = cluster([0, 1], [0, 1], { members, local: everywhere });
      expect(stepOf(joining({ cluster: all }))).toEqual({ kind: 'takeBack', id: id(9) });
      expect(stepOf(joining({ cluster: all, service: picture().service }))).toEqual({ kind: 'stopEtcd' });
      waits(joining({ cluster: { ...all, healthy: [id(1)] } }), /its data is gone again; quorum: 1 other/);
    });

    it('is not started a second time on an empty dir: the entry is taken back for another', () => {
      const tried = journal({ newId: id(9), stage: 'joining', joining: true });
      expect(stepOf(joining({ journal: tried }))).toEqual({ kind: 'takeBack', id: id(9) });
      waits(
        joining({ journal: tried, service: { ...picture().service, forMs: 1_000 } }),
        /has not written its WAL yet/,
      );
    });

    it('forgets an entry that somebody removed, and begins again', () => {
      expect(stepOf(joining({ cluster: cluster([0, 1], [0, 1]) }))).toEqual({
        kind: 'forgetEntry',
        id: id(9),
      });
    });
  });
});
