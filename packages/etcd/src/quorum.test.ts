import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasQuorum, quorum, tolerates } from './quorum.js';

const voters = fc.integer({ min: 1, max: 1001 });

describe('quorum', () => {
  it.each([
    [1, 1, 0],
    [2, 2, 0],
    [3, 2, 1],
    [4, 3, 1],
    [5, 3, 2],
    [7, 4, 3],
  ])('of %d voters %d must agree and %d may be lost', (n, needed, spare) => {
    expect([quorum(n), tolerates(n)]).toEqual([needed, spare]);
  });

  it('any two quorums share a voter, and one voter less is no longer a quorum', () => {
    fc.assert(
      fc.property(voters, (n) => {
        expect(2 * quorum(n)).toBeGreaterThan(n);
        expect(2 * (quorum(n) - 1)).toBeLessThanOrEqual(n);
      }),
    );
  });

  it('losing what is tolerated keeps the quorum, losing one more does not', () => {
    fc.assert(
      fc.property(voters, (n) => {
        expect(hasQuorum(n, n - tolerates(n))).toBe(true);
        expect(hasQuorum(n, n - tolerates(n) - 1)).toBe(false);
      }),
    );
  });

  it('an even number of voters tolerates no more than one voter fewer', () => {
    fc.assert(fc.property(voters, (half) => tolerates(2 * half) === tolerates(2 * half - 1)));
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%d voters are refused', (n) => {
    expect(() => quorum(n)).toThrow(RangeError);
  });

  it('more healthy voters than voters are refused', () => {
    expect(() => hasQuorum(3, 4)).toThrow(RangeError);
    expect(() => hasQuorum(3, -1)).toThrow(RangeError);
  });
});
