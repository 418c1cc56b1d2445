/**
 * Ctrl-C while agents and etcds are being started: the work ends at its next phase, so that whoever stops what it started
 * knows all of it. What is stopped and removed then is not decided here.
 */
import { systemClock } from '@etcd-agent/platform';
import type { Progress } from '../progress.js';

/** Longest wait for the phase that an interruption fell into. Only the last, which writes nothing, takes longer. */
const settleMsMax = 3_000;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Fulfilled at the first SIGINT or SIGTERM. */
  readonly happened: Promise<void>;
}

/** Takes over SIGINT and SIGTERM; a second one ends the process as usual. */
export function onInterruption(): Interruption {
  const controller = new AbortController();
  const happened = new Promise<void>((resolve) => {
    controller.signal.addEventListener('abort', () => resolve());
  });
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return { signal: controller.signal, happened };
}

/** The same progress, ending at the next phase once it is aborted. */
export function untilAborted(progress: Progress, signal: AbortSignal): Progress {
  return {
    async phase(title, run) {
      signal.throwIfAborted();
      return progress.phase(title, run);
    },
  };
}

/** Waits until the work has ended, well or not; not for ever. */
export async function settled(work: Promise<unknown>): Promise<void> {
  const over = work.then(
    () => {},
    () => {},
  );
  await Promise.race([over, systemClock.sleep(settleMsMax)]);
}
