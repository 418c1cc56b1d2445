/**
 * Deletes all keys of some ranges in small transactions, with time between them that is other clients'. Each may be repeated,
 * so that a run after an interruption deletes what is left.
 */
import { EtcdError, type KeyRange, keyAfter } from '@etcd-agent/etcd';
import type { Clock } from '@etcd-agent/platform';
import type { KeyReach } from './key-reach.js';
import { keysMax, type Pace, paceAfter } from './plan/pace.js';
import { walkKeys } from './walk-keys.js';

/** Whoever goes on writing under the prefix would keep this going for ever. */
const passesMax = 3;

export interface Deletion {
  readonly ranges: readonly KeyRange[];
  readonly reach: Pick<KeyReach, 'call'>;
  readonly clock: Clock;
  readonly onProgress: (deleted: number) => void;
  readonly signal: AbortSignal;
}

export interface DeletionEnd {
  /** Keys that were seen and are gone. */
  readonly deleted: number;
  /** Keys that are there now: somebody goes on writing them. */
  readonly left: number;
  readonly transactions: number;
  /** The longest of them, its way there and back included. */
  readonly longestMs: number;
  readonly interrupted: boolean;
}

/** A deletion that came to an error on its way. */
export class DeletionError extends Error {
  constructor(
    override readonly cause: EtcdError,
    readonly deleted: number,
  ) {
    super(cause.message, { cause });
  }
}

/** Fails with {@link DeletionError}. */
export async function deleteKeys(deletion: Deletion): Promise<DeletionEnd> {
  const { ranges, reach, signal } = deletion;
  let end: DeletionEnd = { deleted: 0, left: 0, transactions: 0, longestMs: 0, interrupted: false };
  try {
    for (let pass = 0; pass < passesMax; pass += 1) {
      for (const range of ranges) {
        for await (const done of deleteRange(range, deletion)) {
          end = {
            ...end,
            deleted: end.deleted + done.keys,
            transactions: end.transactions + 1,
            longestMs: Math.max(end.longestMs, done.tookMs),
          };
          deletion.onProgress(end.deleted);
          if (signal.aborted) return { ...end, left: await countIn(ranges, reach), interrupted: true };
        }
      }
      const left = await countIn(ranges, reach);
      end = { ...end, left };
      if (left === 0) return end;
    }
    return end;
  } catch (error) {
    if (error instanceof EtcdError) throw new DeletionError(error, end.deleted);
    throw error;
  }
}

export async function countIn(ranges: readonly KeyRange[], reach: Pick<KeyReach, 'call'>): Promise<number> {
  let sum = 0;
  for (const range of ranges) sum += (await reach.call((client) => client.count(range, '0'))).count;
  return sum;
}

async function* deleteRange(
  range: KeyRange,
  { reach, clock }: Deletion,
): AsyncGenerator<{ readonly keys: number; readonly tookMs: number }> {
  let pace: Pace = { keys: keysMax, pauseMs: 0 };
  const call = reach.call.bind(reach);
  for await (const { keys } of walkKeys({ range, limit: () => pace.keys, revision: '0', call })) {
    const began = clock.monotonicMs();
    // By the bounds of the page: what somebody writes between its keys meanwhile goes too, as it would have in one go.
    const page = { from: keys[0]!.key, end: keyAfter(keys.at(-1)!.key) };
    await call((client) => client.deleteRange(page));
    const tookMs = clock.monotonicMs() - began;
    pace = paceAfter(pace, tookMs);
    yield { keys: keys.length, tookMs };
    await clock.sleep(pace.pauseMs);
  }
}
