import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Candidate, planSnapshot, type SnapshotSituation } from './plan-snapshot.js';

const hourMs = 3_600_000;
const policy = { everyMs: 6 * hourMs, keep: 8, maxAgeMs: 240 * hourMs, minFreeBytes: 1024 ** 3 };
const node = (name: string, hours: number | null, more: Partial<Candidate> = {}): Candidate => ({
  node: name,
  ageMs: hours === null ? null : hours * hourMs,
  leads: false,
  fit: true,
  ...more,
});
const situation = (me: Candidate, peers: Candidate[], more: Partial<SnapshotSituation> = {}) => ({
  policy,
  me,
  peers,
  freeBytes: 100 * 1024 ** 3,
  dbSizeBytes: 1024 ** 3,
  watchedMs: hourMs,
  failures: 0,
  failedAgoMs: 0,
  ...more,
});

it.each<[string, SnapshotSituation, RegExp]>([
  ['a younger one of a peer', situation(node('b', 30), [node('a', 2)]), /the next is due in 14400 s/],
  ['none at all', situation(node('a', null), [node('b', null)]), /^take: there is none yet/],
  [
    'none at all, and another is before it',
    situation(node('b', null), [node('a', null)], { watchedMs: 11_000 }),
    /turn of a;/,
  ],
  [
    'the oldest of all here',
    situation(node('c', 12), [node('a', 6.01), node('b', 9)]),
    /^take: the newest is/,
  ],
  [
    'a follower before it',
    situation(node('a', 12, { leads: true }), [node('b', 6.01)]),
    /turn of b; this node steps in/,
  ],
  ['a follower that did nothing', situation(node('a', 12, { leads: true }), [node('b', 6.2)]), /^take/],
  [
    'a follower that cannot',
    situation(node('a', 12, { leads: true }), [node('b', 6.01, { fit: false })]),
    /^take/,
  ],
  ['no peer that answers', situation(node('b', 6.01), []), /^take/],
  ['an etcd that has lost touch', situation(node('a', 12, { fit: false }), []), /no linearizable read/],
  [
    'too little room',
    situation(node('a', 12), [], { freeBytes: 2 * 1024 ** 3 }),
    /^notable: 2048 MB are free/,
  ],
  [
    'a failure a moment ago',
    situation(node('a', 12), [], { failures: 2, failedAgoMs: 50_000 }),
    /made 120 s after/,
  ],
  ['a failure long ago', situation(node('a', 12), [], { failures: 20, failedAgoMs: hourMs }), /^take/],
  [
    'an agent that has just begun',
    situation(node('a', null), [], { watchedMs: 5_000 }),
    /has watched for 5 s/,
  ],
])('with %s', (_what, given, said) => {
  const decision = planSnapshot(given);
  const mark = decision.kind === 'take' ? 'take' : decision.notable ? 'notable' : 'wait';
  expect(`${mark}: ${decision.why}`).toMatch(said);
});

it('at one moment all agents see, at most one that is in time takes it, and somebody does in the end', () => {
  const candidates = fc.uniqueArray(
    fc.record({
      node: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ageMs: fc.option(fc.integer({ min: 6, max: 99 })),
    }),
    { selector: ({ node: name }) => name, minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(candidates, fc.nat(4), (drawn, leader) => {
      const all = drawn.map(({ node: name, ageMs }, at) => node(name, ageMs, { leads: at === leader }));
      const takers = (lateMs: number) =>
        all.filter((me) => {
          const late = (each: Candidate) => ({
            ...each,
            ageMs: each.ageMs === null ? null : each.ageMs + lateMs,
          });
          const peers = all.filter((each) => each !== me).map(late);
          return planSnapshot(situation(late(me), peers, { watchedMs: 10_000 + lateMs })).kind === 'take';
        });
      const least = Math.min(...all.map(({ ageMs }) => ageMs ?? Number.POSITIVE_INFINITY));
      if (least === 6 * hourMs || least === Number.POSITIVE_INFINITY) expect(takers(0).length).toBe(1);
      expect(takers(hourMs).length).toBe(all.length);
    }),
  );
});
