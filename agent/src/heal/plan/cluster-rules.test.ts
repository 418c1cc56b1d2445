/** What a node does, says and leaves alone for the whole cluster, situation by situation. A picture that is not named here is the one of testdata/pictures.ts. */
import { describe, expect, it } from 'vitest';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import { me, stepOf, waits } from './testdata/asking.js';
import { cluster, id, member, peer, picture, silent } from './testdata/pictures.js';

describe('a cluster that is well', () => {
  it('is left alone, and nothing is waited for', () => {
    expect(planHeal(picture())).toEqual({ decision: undefined, waiting: [], intent: 'none' });
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
