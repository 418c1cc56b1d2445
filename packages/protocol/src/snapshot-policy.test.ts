import fc from 'fast-check';
import { expect, it } from 'vitest';
import { snapshotsToPrune } from './snapshot-policy.js';

const hourMs = 3_600_000;
const now = Date.parse('2026-01-10T00:00:00Z');
const snapshot = (hoursAgo: number, verified = true) => ({
  at: new Date(now - hoursAgo * hourMs).toISOString(),
  verified: verified ? {} : null,
});
const hoursOf = (going: readonly { at: string }[]) => going.map(({ at }) => (now - Date.parse(at)) / hourMs);

it.each<[string, [number, boolean?][], number[]]>([
  ['more than are kept: the oldest go', [[1], [2], [3], [4]], [4, 3]],
  ['too old ones, though few', [[1], [90]], [90]],
  ['the newest verified one, however old it is: it stays', [[500]], []],
  [
    'none verified: all stay',
    [
      [1, false],
      [2, false],
      [900, false],
    ],
    [],
  ],
  ['not verified ones newer than the newest verified: they stay', [[1, false], [2], [3]], []],
  ['not verified ones that a newer verified one has overtaken: they go', [[1], [2, false], [3]], [2]],
])('of snapshots with %s', (_what, all, going) => {
  const list = all.map(([hours, verified]) => snapshot(hours, verified));
  expect(hoursOf(snapshotsToPrune(list, { keep: 2, maxAgeMs: 72 * hourMs }, now))).toEqual(going);
});

it('never takes the newest verified one, and nothing that has no newer verified one', () => {
  const any = fc.record({ hours: fc.nat(2_000), verified: fc.boolean() });
  fc.assert(
    fc.property(fc.array(any), fc.integer({ min: 1, max: 5 }), fc.nat(1_000), (all, keep, hours) => {
      const list = all.map((each) => snapshot(each.hours, each.verified));
      const policy = { keep, maxAgeMs: hours * hourMs };
      for (const gone of snapshotsToPrune(list, policy, now))
        expect(
          list.some(
            (each) => each !== gone && each.verified !== null && Date.parse(each.at) >= Date.parse(gone.at),
          ),
        ).toBe(true);
    }),
  );
});
