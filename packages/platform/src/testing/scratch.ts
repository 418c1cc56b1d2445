/** A place of its own for one test, and patience with a deadline. For tests only. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** A fresh directory that goes when the test ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'platform-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Waits until `check` gives something else than undefined or false. */
export async function eventually<T>(
  check: () => Promise<T | undefined | false>,
  limitMs = 10_000,
): Promise<T> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (performance.now() > untilMs) {
      throw new Error(`did not happen within ${limitMs} ms`);
    }
    await delay(20);
  }
}
