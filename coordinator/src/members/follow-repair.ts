/** Watching one node's repair to its end. Agents may restart on the way; the journal is theirs. */
import type { Clock } from '@etcd-agent/platform';
import type { HealStatus } from '@etcd-agent/protocol';
import { repairText, waitingText } from '../output/healing.js';

/** Between two looks. */
const pollMs = 1_000;
/** An accepted repair that has not begun, or has gone without a trace, for this long is no repair. */
const quietMsMax = 30_000;

export interface FollowRepairOptions {
  /** Rejects where the agent does not answer just now. */
  readonly ask: () => Promise<HealStatus>;
  /** As it was before the repair was asked for. */
  readonly before: Pick<HealStatus, 'history'>;
  readonly timeoutMs: number;
  readonly note: (text: string) => void;
  readonly clock: Clock;
}

export type RepairEnd =
  | { readonly kind: 'healthy'; readonly oldMemberId: string; readonly newMemberId: string }
  | { readonly kind: 'failed' | 'timeout'; readonly why: string };

export async function followRepair(options: FollowRepairOptions): Promise<RepairEnd> {
  const { ask, before, timeoutMs, note, clock } = options;
  const former = before.history.at(-1)?.endedAt;
  const beganMs = clock.monotonicMs();
  let quietFromMs = beganMs;
  let last = 'it has not begun';
  while (clock.monotonicMs() - beganMs < timeoutMs) {
    const status = await ask().catch((error: unknown) => error as Error);
    if (status instanceof Error) {
      // A silent agent is no failed repair: etcd and the journal are still there when it is back.
      quietFromMs = clock.monotonicMs();
      last = status.message;
    } else if (status.repair !== null) {
      quietFromMs = clock.monotonicMs();
      last = [repairText(status.repair, clock.now()), ...status.waiting.map(waitingText)].join('; ');
    } else {
      const newest = status.history.at(-1);
      const isOver = newest !== undefined && newest.endedAt !== former;
      if (isOver && status.view.etcd === 'healthy')
        return { kind: 'healthy', oldMemberId: newest.oldMemberId, newMemberId: newest.newMemberId };
      last = isOver
        ? `repaired; etcd is ${status.view.etcd}`
        : status.waiting.map(waitingText).join('; ') || 'no repair is under way';
      if (!isOver && clock.monotonicMs() - quietFromMs >= quietMsMax) return { kind: 'failed', why: last };
    }
    note(last);
    await clock.sleep(pollMs);
  }
  return { kind: 'timeout', why: last };
}
