// A client that writes all the time through every member in turn, one write after another, and notes the longest time
// between two confirmations.
import { setTimeout as sleep } from 'node:timers/promises';

/** A write sent while nobody leads is never answered; a stall is known no finer than this. */
const writeMsMax = 500;
const pauseMs = 5;
/** A member through which a write failed is left alone for so long. */
const avoidMs = 300;

/** Starts writing. `stop()` resolves with how many were confirmed and the longest stall in milliseconds. */
export function steadyWrites(endpoints) {
  let stopped = false;
  const avoidUntil = new Map();
  const result = { acknowledged: 0, longestStallMs: 0 };
  const run = async () => {
    let lastMs;
    for (let tries = 0; !stopped; tries += 1) {
      const usable = endpoints.filter((endpoint) => (avoidUntil.get(endpoint) ?? 0) <= performance.now());
      const all = usable.length === 0 ? endpoints : usable;
      const endpoint = all[tries % all.length];
      try {
        await endpoint.put(`steady/${tries}`, 'x'.repeat(100), writeMsMax);
        const nowMs = performance.now();
        result.acknowledged += 1;
        if (lastMs !== undefined) result.longestStallMs = Math.max(result.longestStallMs, nowMs - lastMs);
        lastMs = nowMs;
      } catch {
        avoidUntil.set(endpoint, performance.now() + avoidMs);
      }
      await sleep(pauseMs);
    }
    return result;
  };
  const running = run();
  return {
    stop: () => {
      stopped = true;
      return running;
    },
  };
}
