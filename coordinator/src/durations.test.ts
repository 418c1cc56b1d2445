/** Durations read back as they were meant. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageText, durationText, parseDuration } from './durations.js';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['0s', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '10', 's', '-1s', '1.5h', '1h30m', '10 s', '10S', '1y', '9999999999s'])('%j is none', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it('reads back as exactly what it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (ms) => {
        expect(parseDuration(durationText(ms))).toBe(ms);
      }),
    );
    expect(durationText(86_400_000)).toBe('1d');
    expect(durationText(90_000)).toBe('90s');
  });

  it.each([
    [0, '0s'],
    [999, '0s'],
    [119_999, '119s'],
    [120_000, '2m'],
    [7_200_000, '2h'],
    [172_800_000, '2d'],
  ])('%d ms are told as %s', (ms, text) => expect(ageText(ms)).toBe(text));
});
