/**
 * Time as a port. Loops and deadlines take a Clock, so that the simulated world can run hours in milliseconds.
 * Formatting and parsing of dates do not belong here.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** Longest single timer Node accepts (2^31 - 1 ms, about 24.8 days); longer sleeps are cut to it. */
const timerMsMax = 2_147_483_647;

export interface Clock {
  /** Wall-clock time. It may jump; never subtract two of these to measure a duration. */
  now(): Date;
  /** Milliseconds since an arbitrary start; never goes backwards. For durations and deadlines. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds. Rejects with the signal's reason when `signal` is or becomes aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    const clippedMs = Math.min(Math.max(ms, 0), timerMsMax);
    try {
      await delay(clippedMs, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // Node rejects with a generic AbortError; callers want the reason they gave.
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
