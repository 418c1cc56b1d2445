/** What healing decides, situation by situation. A picture that is not named here is the one of testdata/pictures.ts. */
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import { cluster, id, journal, member, peer, picture, silent, stopped, wiped } from './testdata/pictures.js';

const stepOf = (seen: Picture) => planHeal(seen).decision?.step;
const reasonsOf = (seen: Picture) =>
  planHeal(seen)
    .waiting.map(({ rule, reason }) => `${rule}: ${reason}`)
    .join('\n');
const data = (change: Partial<Picture['data']>): Picture['data'] => ({ ...picture().data, ...change });
const me = (change: Partial<Picture['me']>): Picture['me'] => ({ ...picture().me, ...change });

function waits(seen: Picture, reason: RegExp): void {
  expect(stepOf(seen)).toBeUndefined();
  expect(reasonsOf(seen)).toMatch(reason);
}

describe('a cluster that is well', () => {
  it('is left alone, and nothing is waited for', () => {
    expect(planHeal(picture())).toEqual({ decision: undefined, waiting: [], intent: 'none' });
  });
});

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

describe('etcd down with its data intact', () => {
  const checked = (change: Partial<Extract<Picture['disk'], { kind: 'checked' }>> = {}) =>
    ({
      kind: 'checked',
      position: { term: '3', index: '100' },
      why: 'ends at 100',
      remembered: undefined,
      behind: false,
      asked: 2,
      forMs: 10,
      ...change,
    }) as const;

  it('is compared with what others remember, then started', () => {
    expect(stepOf(picture(stopped()))).toEqual({ kind: 'checkDisk' });
    expect(stepOf(picture({ ...stopped(), disk: checked() }))).toEqual({ kind: 'startEtcd' });
  });

  it('is started without a quorum too, and nothing else is done', () => {
    const lost = { kind: 'unknown', why: 'no answer', answering: 0 } as const;
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

  it('waits five seconds for agents that do not answer, then starts and says so', () => {
    const peers = [silent(0), silent(1)];
    waits(picture({ ...stopped(), peers, disk: checked({ asked: 0 }) }), /asking the other agents/);
    const plan = planHeal(picture({ ...stopped(), peers, disk: checked({ asked: 0, forMs: 6_000 }) }));
    expect(plan.decision).toMatchObject({
      step: { kind: 'startEtcd' },
      why: expect.stringContaining('no other agent could be asked'),
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

  it('is not, while it has just started or its disk explains it', () => {
    expect(
      stepOf(picture({ ...silentFor(11_000), service: { ...picture().service, upMs: 20_000 } })),
    ).toBeUndefined();
    waits(picture({ ...silentFor(11_000), me: me({ ioPressure: 80 }) }), /waited for 80 %/);
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

describe('what is only reported', () => {
  it.each<[string, Partial<Picture>, RegExp]>([
    [
      'NOSPACE',
      { cluster: cluster([0, 1, 2], [0, 1, 2], { alarms: [{ memberId: id(1), type: 'NOSPACE' }] }) },
      /NOSPACE is armed/,
    ],
    [
      'a silent host',
      { cluster: cluster([0, 1, 2], [0, 2]), peers: [peer(0), silent(1)] },
      /etcd1 \(60 s\).*not removed for being silent/,
    ],
    [
      'a lost quorum',
      {
        own: { kind: 'answers', ...(picture().own as object), healthy: false } as Picture['own'],
        cluster: { kind: 'unknown', why: 'no leader', answering: 1 },
      },
      /no linearizable read succeeds/,
    ],
  ])('%s', (_, change, reason) => {
    waits(picture(change), reason);
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

describe('an orphaned entry', () => {
  const orphan = member(8, { name: '', started: false, role: 'learner', node: 'etcd8' });
  const seen = (node: string, ms: number) =>
    picture({
      me: me({ node }),
      held: { [`orphan:${id(8)}`]: ms },
      cluster: cluster([0, 1, 2], [0, 1, 2], { members: [member(0), member(1), member(2), orphan] }),
    });

  it('is removed after fifteen minutes, by the agent of the lowest-named healthy voter', () => {
    waits(seen('etcd0', 60_000), /removed after 900 s/);
    expect(stepOf(seen('etcd0', 901_000))).toEqual({ kind: 'removeOrphan', id: id(8) });
    expect(stepOf(seen('etcd2', 901_000))).toBeUndefined();
  });
});

describe('a cluster that was bootstrapped anew elsewhere', () => {
  it('fences this etcd, and keeps its data', () => {
    const peers = [peer(0, { generation: 5, clusterId: 'ffffffffffffffff' }), peer(1)];
    expect(stepOf(picture({ peers }))).toEqual({ kind: 'stopEtcd' });
    waits(picture({ ...stopped(), peers }), /waiting for the coordinator/);
    waits(picture({ ...stopped(), fencedBy: 5 }), /waiting for the coordinator/);
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
