import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expiryMsMax, parseExpiry, validityFor } from './expiry.js';

const hourMs = 3_600_000;

describe('parseExpiry', () => {
  test.each([
    ['87600h', 87600 * hourMs],
    ['1h30m', 1.5 * hourMs],
    ['1h1m1.5s', 3_661_500],
    ['1.5h', 1.5 * hourMs],
    ['.5h', 0.5 * hourMs],
    ['90s', 90_000],
    ['2562047h47m', 9_223_372_020_000],
  ])('reads %s as Go does', (text, ms) => {
    expect(parseExpiry(text)).toBe(ms);
  });

  test.each(['', 'h', '10', '1h ', ' 1h', '1h30', '1..5h', '1e3h', '1ms', '１h', '0h', '0s', '0.0001s'])(
    'refuses %j',
    (text) => {
      expect(() => parseExpiry(text)).toThrow(/bad expiry/);
    },
  );

  test('says how to write a year when it is given as days or years', () => {
    expect(() => parseExpiry('10y')).toThrow('8760h for one year');
    expect(() => parseExpiry('3650d')).toThrow('8760h for one year');
  });

  test('refuses a negative expiry, which cfssl turns into a certificate that ends before it begins', () => {
    expect(() => parseExpiry('-1h')).toThrow('without a sign');
  });

  test('refuses what is longer than cfssl can hold', () => {
    expect(() => parseExpiry('2562048h')).toThrow('292 years');
    expect(() => parseExpiry(`${'9'.repeat(30)}h`)).toThrow('292 years');
    expect(() => parseExpiry(`${'9'.repeat(300)}h`)).toThrow(/bad expiry/);
  });

  test('every sum of hours, minutes and seconds is read back', () => {
    const part = fc.nat({ max: 100_000 });
    fc.assert(
      fc.property(part, part, part, (h, m, s) => {
        const ms = h * hourMs + m * 60_000 + s * 1_000;
        if (ms === 0) return;
        expect(parseExpiry(`${h}h${m}m${s}s`)).toBe(ms);
      }),
    );
  });

  test('any text is either a positive bounded number of milliseconds or a bad expiry', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.hmsdy+-]{0,12}$/));
    fc.assert(
      fc.property(text, (input) => {
        try {
          const ms = parseExpiry(input);
          expect(Number.isInteger(ms) && ms > 0 && ms <= expiryMsMax).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'badExpiry' });
        }
      }),
    );
  });
});

describe('validityFor', () => {
  test('starts five minutes before the nearest minute and lasts the whole expiry from there', () => {
    const at = (iso: string) => validityFor({ expiry: '1h', now: new Date(iso) });
    expect(at('2026-01-01T10:00:29.999Z').notBefore.toISOString()).toBe('2026-01-01T09:55:00.000Z');
    expect(at('2026-01-01T10:00:30.000Z').notBefore.toISOString()).toBe('2026-01-01T09:56:00.000Z');
    expect(at('2026-01-01T10:00:00.000Z').notAfter.toISOString()).toBe('2026-01-01T10:55:00.000Z');
  });

  test('refuses an expiry so short that the certificate would be over at once', () => {
    expect(() => validityFor({ expiry: '4m', now: new Date('2026-01-01T10:00:00Z') })).toThrow(
      'over already',
    );
  });

  test('refuses dates that X.509 cannot hold', () => {
    expect(() => validityFor({ expiry: '1h', now: new Date('9999-12-31T23:59:00Z') })).toThrow('9999');
    expect(() => validityFor({ expiry: '1h', now: new Date('1949-12-31T23:59:00Z') })).toThrow('1950');
    expect(() => validityFor({ expiry: '1h', now: new Date(Number.NaN) })).toThrow('not a valid date');
  });
});
