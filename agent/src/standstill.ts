/** Whether the loops of this agent still come round. Pure. */

/** A loop, and when it last began a round, by the monotonic clock. */
export interface LoopTurn {
  readonly loop: string;
  readonly turnedMs: number;
}

export type Standstill =
  | { readonly kind: 'none' }
  /** The kernel will end the wait, or nobody will: another process would wait as well. */
  | { readonly kind: 'waitsForDisk'; readonly why: string }
  /** Nothing is known that it could be waiting for. */
  | { readonly kind: 'hangs'; readonly why: string };

/**
 * Judges turns: one that is older than `turnMsMax` stands still. `waitingForDisk`, which names a thread that waits for a disk, is
 * asked only then.
 */
export function standstill(
  turns: readonly LoopTurn[],
  nowMs: number,
  turnMsMax: number,
  waitingForDisk: () => string | undefined,
): Standstill {
  const late = turns.filter(({ turnedMs }) => nowMs - turnedMs > turnMsMax).map(({ loop }) => loop);
  if (late.length === 0) return { kind: 'none' };
  const why = `the loop over ${late.join(' and that over ')} has not come round for ${turnMsMax / 1000} s`;
  const thread = waitingForDisk();
  return thread === undefined
    ? { kind: 'hangs', why }
    : { kind: 'waitsForDisk', why: `${why}: ${thread} waits for a disk` };
}
