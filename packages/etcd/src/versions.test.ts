import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, featuresOf, judgeVersion, minorOf, parseEtcdVersion } from './versions.js';

const version = (text: string) => parseEtcdVersion(text)!;

describe('etcd versions', () => {
  it.each([
    ['etcd Version: 3.3.25\nGit SHA: Not provided\nGo Version: go1.15.9\n', [3, 3, 25], '3.3.25'],
    ['3.4.23', [3, 4, 23], '3.4.23'],
    ['v3.5.16-rc.0', [3, 5, 16], '3.5.16-rc.0'],
    ['3.5.16-rc', [3, 5, 16], '3.5.16-rc'],
    [' 3.4.23+dfsg \n', [3, 4, 23], '3.4.23+dfsg'],
    ['etcd Version: 3.6.0\r\nGit SHA: abc\r\n', [3, 6, 0], '3.6.0'],
  ])('%j is read', (text, [major, minor, patch], full) => {
    expect(parseEtcdVersion(text)).toEqual({ major, minor, patch, text: full });
  });

  it.each([
    '',
    '3.4',
    'Go Version: go1.15.9',
    'bash: etcd: command not found',
    '3.4.x',
    '3.4.23 3.5.1',
    '-3.4.1',
  ])('%j is not taken for a version', (text) => {
    expect(parseEtcdVersion(text)).toBeUndefined();
  });

  it('versions order by their numbers, not their text', () => {
    const numbers = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(200));
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const expected = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
        expect(Math.sign(compareVersions(version(a.join('.')), version(b.join('.'))))).toBe(
          Math.sign(expected),
        );
      }),
    );
    expect(compareVersions(version('3.4.9'), version('3.4.10'))).toBeLessThan(0);
  });

  it.each([
    ['3.2.32', 'refuse', /too old/],
    ['2.3.8', 'refuse', /too old/],
    ['3.3.0', 'ok', undefined],
    ['3.4.23', 'ok', undefined],
    ['3.4.23+dfsg', 'ok', undefined],
    ['3.5.0', 'refuse', /consistency/],
    ['3.5.2', 'refuse', /consistency/],
    ['3.5.2-rc.1', 'refuse', /consistency/],
    ['3.5.3', 'ok', undefined],
    ['3.5.30', 'ok', undefined],
    ['3.5.30-rc.1', 'warn', /pre-release/],
    ['3.6.1', 'warn', /not run in our tests/],
    ['3.7.0', 'warn', /not run in our tests/],
    ['3.8.0', 'warn', /newer than any/],
    ['4.0.0', 'refuse', /major/],
  ])('%s is judged: %s', (text, kind, why) => {
    const judgement = judgeVersion(version(text));
    expect(judgement.kind).toBe(kind);
    if (judgement.kind !== 'ok') expect(judgement.why).toMatch(why!);
  });

  it('every version that is not refused has features', () => {
    const any = fc.tuple(fc.nat(5), fc.nat(12), fc.nat(40)).map((numbers) => version(numbers.join('.')));
    fc.assert(
      fc.property(any, (each) => {
        if (judgeVersion(each).kind !== 'refuse')
          expect(featuresOf(each).gatewayPaths.length).toBeGreaterThan(0);
      }),
    );
  });

  it.each([
    ['3.3.25', false, 'everyVoter'],
    ['3.4.0', true, 'everyVoter'],
    ['3.4.45', true, 'everyVoter'],
    ['3.5.29', true, 'everyVoter'],
    ['3.5.30', true, 'quorum'],
    ['3.5.31', true, 'quorum'],
    ['3.6.0', true, 'everyVoter'],
    ['3.6.10', true, 'everyVoter'],
    ['3.6.11', true, 'quorum'],
    ['3.7.0', true, 'quorum'],
    ['3.9.0', true, 'quorum'],
  ] as const)('%s: has learners: %s; takes a new member when connected to %s', (text, learners, addNeeds) => {
    expect(featuresOf(version(text))).toMatchObject({ learners, addNeeds, hashKV: true });
  });

  it('a minor newer than the table has the features of the newest', () => {
    expect(minorOf(version('3.9.1'))).toBe('3.9');
    expect(featuresOf(version('3.9.1'))).toEqual(featuresOf(version('3.7.0')));
    expect(() => featuresOf(version('3.2.9'))).toThrow(RangeError);
  });
});
