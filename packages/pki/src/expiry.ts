/**
 * How long a certificate lives: cfssl's `expiry` strings (Go durations) and the validity period that follows from one.
 */
import { PkiError } from './pki-error.js';

const unitMs = { h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** Go holds a duration as 63 bits of nanoseconds, about 292 years; cfssl refuses a longer one, and so is it here. */
export const expiryMsMax = Math.floor(2 ** 63 / 1e6);

/** NotBefore is put back this far, so that a host whose clock is a little behind accepts the certificate at once. */
const backdateMsDefault = 5 * unitMs.m;

/**
 * Milliseconds of a Go duration in hours, minutes and seconds: `87600h`, `1h30m`, `1.5h`.
 * Throws PkiError `badExpiry` when it is malformed, zero or less, or longer than `expiryMsMax`.
 */
export function parseExpiry(text: string): number {
  const fail = (why: string): never => {
    throw new PkiError('badExpiry', `bad expiry ${JSON.stringify(text.slice(0, 40))}: ${why}`);
  };
  if (/^[+-]/.test(text)) fail('write it without a sign; it must be more than zero');
  if (/^[\d.hms]*\d[dwyDWY]/.test(text)) {
    fail('there are no days, weeks or years in it; write hours, for example 8760h for one year');
  }
  if (text.length > 40 || !/^(?:(?:\d+\.?\d*|\.\d+)[hms])+$/.test(text)) {
    fail('expected hours, minutes and seconds, for example 87600h or 1h30m');
  }
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([hms])/g)) {
    ms += Number(amount) * unitMs[unit as keyof typeof unitMs];
  }
  if (ms > expiryMsMax) fail('it is longer than 292 years, the most that cfssl takes');
  const rounded = Math.round(ms);
  if (rounded <= 0) fail('it must be more than zero');
  return rounded;
}

/** When a certificate is valid, both to the second, as X.509 holds them. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The last moment that X.509 can say (RFC 5280, GeneralizedTime). */
const notAfterMsMax = Date.UTC(9999, 11, 31, 23, 59, 59);
/** The first moment that a two-digit year (UTCTime) can say. */
const notBeforeMsMin = Date.UTC(1950, 0, 1);

/**
 * The validity period as cfssl reckons it: NotBefore is `now` rounded to the minute and put back, NotAfter is
 * `expiry` after NotBefore. Throws PkiError `badExpiry` when it would be over already or cannot be written.
 */
export function validityFor(input: { expiry: string; now: Date; backdateMs?: number | undefined }): Validity {
  const nowMs = input.now.getTime();
  if (!Number.isFinite(nowMs)) throw new PkiError('badExpiry', 'the time "now" is not a valid date');
  const minute = Math.floor((nowMs + unitMs.m / 2) / unitMs.m) * unitMs.m;
  const notBeforeMs = wholeSecond(minute - (input.backdateMs ?? backdateMsDefault));
  const notAfterMs = wholeSecond(notBeforeMs + parseExpiry(input.expiry));
  if (notAfterMs <= nowMs) {
    throw new PkiError(
      'badExpiry',
      `expiry ${input.expiry} is too short: it counts from NotBefore, ${new Date(notBeforeMs).toISOString()}, so the certificate would be over already`,
    );
  }
  if (notBeforeMs < notBeforeMsMin || notAfterMs > notAfterMsMax) {
    throw new PkiError('badExpiry', `expiry ${input.expiry} reaches outside the years 1950 to 9999 of X.509`);
  }
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) };
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / unitMs.s) * unitMs.s;
}
