/** Striking while a bootstrap runs: at the moment it says that it begins a phase, or after a while drawn from a seed. */

import type { Outcome } from './programs.js';
import type { TestCluster } from './test-cluster.js';

/** How the lines begin that a first bootstrap writes to stderr, in order. */
export const bootstrapPhases = [
  'Look at the nodes',
  'Enrol',
  'Check ',
  'Certify ',
  'Configure ',
  'Start etcd on ',
  'Wait until all members are healthy',
] as const;

export interface Strike {
  /** The line was seen, and `act` was run. */
  readonly struck: boolean;
  readonly outcome: Outcome;
}

/**
 * Runs `bootstrap --yes` and calls `act` once, when it writes the line `<phase...> ...` (`at: 'begin'`) or
 * `<phase...>: done` (`at: 'end'`).
 */
export async function strikeAt(
  cluster: TestCluster,
  phase: string,
  at: 'begin' | 'end',
  act: (coordinator: { kill(signal: NodeJS.Signals): void; pid: number }) => void | Promise<void>,
  more: readonly string[] = [],
): Promise<Strike> {
  const running = cluster.startCoordinator(['bootstrap', '--yes', ...more]);
  let acted: Promise<void> | undefined;
  running.onLine((line) => {
    const matches =
      line.startsWith(phase) && (at === 'begin' ? line.endsWith(' ...') : line.includes(': done ('));
    if (matches && acted === undefined) acted = Promise.resolve(act(running));
  });
  const outcome = await running.ended;
  await acted;
  return { struck: acted !== undefined, outcome };
}

/** Numbers in [0, 1) that the seed determines (mulberry32), so that a failing moment can be struck again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
