/** A repair is followed to its end, over agents that restart, and is not waited for when it has gone. */
import type { HealStatus, RepairView } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { healStatusOf, peerView } from '../testing/healing.js';
import { followRepair } from './follow-repair.js';

const oldMemberId = 'ab'.repeat(8);
const newMemberId = 'ef'.repeat(8);
const repair: RepairView = {
  id: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11',
  rule: 'replaceMember',
  stage: 'joining',
  startedAt: '2026-01-01T00:00:00.000Z',
  oldMemberId,
  newMemberId,
};
const past = (endedAt: string): HealStatus['history'][number] => ({
  rule: 'replaceMember',
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt,
  oldMemberId,
  newMemberId,
});
const earlier = past('2025-12-01T00:00:00.000Z');
const status = (change: Partial<HealStatus> = {}) => healStatusOf('n1', { history: [earlier], ...change });
const over = (etcd: 'healthy' | 'starting' = 'healthy') =>
  status({ history: [earlier, past('2026-01-01T00:00:30.000Z')], view: peerView('n1', { etcd }) });

/** One answer a second; the last one stays. Undefined: the agent does not answer. */
async function after(answers: readonly (HealStatus | undefined)[], timeoutMs = 600_000) {
  let nowMs = 0;
  const notes: string[] = [];
  const end = await followRepair({
    ask: async () => {
      const answer = answers[Math.min(Math.floor(nowMs / 1_000), answers.length - 1)];
      if (answer === undefined) throw new Error('the link closed');
      return answer;
    },
    before: { history: [earlier] },
    timeoutMs,
    note: (text) => notes.push(text),
    clock: {
      now: () => new Date(nowMs),
      monotonicMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    },
  });
  return { end, notes, seconds: nowMs / 1_000 };
}

describe('a repair', () => {
  it('that ends with a healthy member is told with both ids', async () => {
    const { end } = await after([status(), status({ repair }), status({ repair }), over()]);
    expect(end).toEqual({ kind: 'healthy', oldMemberId, newMemberId });
  });

  it('is not over before its etcd is healthy, and an earlier one does not count', async () => {
    const { end, notes } = await after([status(), status({ repair }), over('starting'), over()]);
    expect(end.kind).toBe('healthy');
    expect(notes.at(-1)).toBe('repaired; etcd is starting');
  });

  it('goes on while its agent is away', async () => {
    const away = Array.from({ length: 60 }, () => undefined);
    expect((await after([status({ repair }), ...away, over()])).end.kind).toBe('healthy');
  });

  it('that never begins has failed after half a minute, with what it waits for', async () => {
    const waiting = [{ rule: 'replaceMember', reason: 'paused', evidence: { healthy: 1 } }];
    const { end, seconds } = await after([status({ waiting })]);
    expect(end).toEqual({ kind: 'failed', why: 'waits (replaceMember): paused [healthy=1]' });
    expect(seconds).toBe(30);
  });

  it('that takes too long is given up waiting for, not called failed', async () => {
    const { end } = await after([status({ repair })], 5_000);
    expect(end.kind).toBe('timeout');
  });
});
