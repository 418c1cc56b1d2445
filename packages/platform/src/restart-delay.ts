/** How long a supervised etcd that ended waits for its next start. */

const firstMs = 100;
const secondMs = 1_000;
const delayMsMax = 60_000;

/** An etcd that ran this long is taken to have been well; its end starts the delays from the first again. */
export const wellAfterMs = 60_000;

/** Etcds that lost the same switch or disk must not come back in step for ever. */
const jitterMax = 0.2;

/**
 * Delay before restart number `failures` (from 1) in a row: 100 ms, then 1, 2, 4 … 60 s and up to a fifth more, as
 * `chance` (0 to 1) says.
 */
export function restartDelayMs(failures: number, chance: number): number {
  return failures <= 1
    ? firstMs
    : Math.min(secondMs * 2 ** (failures - 2), delayMsMax) * (1 + jitterMax * chance);
}
