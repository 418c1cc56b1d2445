/** Waiting in tests: always for something, always with an end. */

/** A look that takes longer waits for something itself. */
const restMsMax = 1_000;

/**
 * Looks until `look` gives something other than undefined or false: every `everyMs`, and after a long look later, since it takes
 * CPU from what is looked at. Throws naming `what` after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 20_000,
  everyMs = 40,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const beganMs = performance.now();
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await restAfterLook(beganMs, everyMs);
  }
}

/** Between two looks: `leastMs`, and as long as the look from `beganMs` took, since most start a program or two. */
export function restAfterLook(beganMs: number, leastMs: number): Promise<void> {
  return sleep(Math.max(leastMs, Math.min(performance.now() - beganMs, restMsMax)));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
