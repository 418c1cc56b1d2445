/** What holds a step back, and what is let through. */
import { describe, expect, it } from 'vitest';
import { guardFlapping, guardForecast, guardTurn, type Known } from './guards.js';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import { cluster, id, peer, picture } from './testdata/pictures.js';

const stepOf = (seen: Picture) => planHeal(seen).decision?.step;
const me = (change: Partial<Picture['me']>): Picture['me'] => ({ ...picture().me, ...change });

describe('without a lock', () => {
  const running = cluster([0, 1, 2], [0, 1, 2]);
  const turn = (peers: Picture['peers'], known = running) =>
    guardTurn({ me: me({ node: 'etcd1' }), peers, cluster: known }).ok;

  it('the first by name of the healthy members that are about to stop goes first', () => {
    expect(turn([peer(0), peer(2)])).toBe(true);
    expect(turn([peer(0, { intent: 'rejoin' }), peer(2)])).toBe(false);
    expect(turn([peer(0), peer(2, { intent: 'repairing' })])).toBe(true);
  });

  it('one that has stopped already is not waited for', () => {
    expect(turn([peer(0, { intent: 'repairing' }), peer(2)], cluster([0, 1, 2], [1, 2]))).toBe(true);
  });

  it('of a silent agent nobody can tell, while its etcd is healthy', () => {
    const silent = { node: 'etcd2', kind: 'silent', why: 'timeout', forMs: 9_000 } as const;
    expect(turn([peer(0), silent])).toBe(false);
    expect(turn([peer(0), silent], cluster([0, 1, 2], [0, 1]))).toBe(true);
  });
});

describe('a start that the host asks for', () => {
  const pause = { until: '2026-11-25T13:00:00Z', reason: 'r', by: 'b' };
  const refused = { ...picture().service, kind: 'conditionFailed', detail: '', forMs: 1_000 } as const;
  const down = { kind: 'notAsked' } as const;
  const checked = {
    kind: 'checked',
    position: { term: '2', index: '9' },
    why: 'its WAL ends at index 9',
    forMs: 0,
    remembered: undefined,
    behind: false,
  } as const;

  it('is granted in a pause, and where agents only watch, once the disk was looked at', () => {
    const after = { service: refused, own: down, disk: checked, cluster: cluster([0, 1, 2], [0, 1]) };
    expect(stepOf(picture({ ...after, pause }))).toEqual({ kind: 'startEtcd' });
    const behind = { ...checked, behind: true };
    expect(stepOf(picture({ ...after, pause, disk: behind }))).toBeUndefined();
    const failed = { ...refused, kind: 'failed' } as const;
    expect(stepOf(picture({ ...after, pause, service: failed }))).toBeUndefined();
  });
});

describe('a repair of the future', () => {
  it('was written down by a wrong clock, and holds nothing back', () => {
    const { wallMs } = picture();
    const history = [{ rule: 'rejoinDataGone', startedMs: wallMs + 1e10, endedMs: wallMs + 1e10 + 1_000 }];
    expect(guardFlapping(picture({ history })).ok).toBe(true);
  });
});

describe('a member that keeps another from being added again', () => {
  const five = cluster([0, 1, 2, 3, 4], [0, 1, 2]) as Known;

  it('is named with a command for each that can be run', () => {
    expect(guardForecast(picture(), five, id(2)).reason).toBe(
      'this etcd adds no member while etcd3, etcd4 is not connected; if it does not come back: coordinator member remove etcd3; coordinator member remove etcd4',
    );
  });

  it('and of no known node is removed by etcdctl', () => {
    const members = five.members.map((member) => (member.id === id(4) ? { ...member, node: '' } : member));
    expect(guardForecast(picture(), { ...five, members }, id(2)).reason).toMatch(
      new RegExp(
        `: coordinator member remove etcd3; eval "\\$\\(coordinator env\\)"; etcdctl member remove ${id(4)}$`,
      ),
    );
  });
});
