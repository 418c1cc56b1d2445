import type { Clock } from '@etcd-agent/platform';
import { expect, test } from 'vitest';
import { type TellParts, tellSystemd } from './tell-systemd.js';

const watchdogMs = 90_000;

/** A telling of which every second is one step of the test, and what it has said so far: [second, message]. */
function telling(change: Partial<TellParts> = {}) {
  const said: [number, Record<string, string>][] = [];
  const logged: string[] = [];
  let nowMs = 0;
  let wake = () => {};
  const clock: Clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        expect(ms).toBeLessThanOrEqual(1_000);
        signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        wake = resolve;
      }),
  };
  const state = { turnedMs: () => nowMs, status: 'healthy', disk: undefined as string | undefined };
  const log = (_fields: object | string, message?: string) => logged.push(message ?? '');
  const tell = tellSystemd({
    clock,
    log: { warn: log, error: log },
    notify: async (message) => {
      said.push([nowMs / 1_000, { ...message }]);
    },
    watchdogMs,
    turns: () => [{ loop: 'healing', turnedMs: state.turnedMs() }],
    statusLine: () => state.status,
    waitingForDisk: () => state.disk,
    ...change,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    tell,
    said,
    logged,
    state,
    async seconds(count: number) {
      for (let each = 0; each < count; each += 1) {
        await settle();
        nowMs += 1_000;
        wake();
        await settle();
      }
    },
    pings: () => said.filter(([, message]) => message.WATCHDOG === '1').map(([second]) => second),
  };
}

test('READY is said at once and with every ping, of which there are three per watchdog', async () => {
  const { said, pings, seconds } = telling();
  await seconds(100);
  expect(said[0]).toEqual([0, { READY: '1', WATCHDOG: '1', STATUS: 'healthy' }]);
  expect(said.every(([, message]) => message.READY === '1')).toBe(true);
  // The first ones may be lost on an old systemd.
  expect(pings()).toEqual([0, 1, 2, 32, 62, 92]);
});

test('another status is told within seconds, and a restless one not every second', async () => {
  const { said, state, seconds } = telling();
  await seconds(10);
  state.status = 'repairing';
  await seconds(1);
  expect(said.at(-1)).toEqual([11, expect.objectContaining({ STATUS: 'repairing' })]);
  const before = said.length;
  for (let at = 0; at < 30; at += 1) {
    state.status = `repairing ${at}`;
    await seconds(1);
  }
  expect(said.length - before).toBeLessThanOrEqual(10);
});

test('a loop that does not come round ends the pings, with the reason in status and log', async () => {
  const { said, logged, state, pings, seconds } = telling();
  await seconds(5);
  state.turnedMs = () => 5_000;
  await seconds(600);
  const last = pings().at(-1)!;
  expect(last).toBeGreaterThan(5 + 2 * 90);
  expect(last).toBeLessThanOrEqual(5 + 3 * 90);
  expect(said.at(-1)![1]).toEqual({ STATUS: expect.stringContaining('the watchdog restarts this agent') });
  expect(logged).toHaveLength(1);
});

test('a clock that jumps, as after a pause of the whole machine, is no hang', async () => {
  const { said, logged, state, seconds } = telling();
  await seconds(5);
  state.turnedMs = () => -3_600_000;
  await seconds(3);
  const before = said.length;
  state.turnedMs = () => 8_000;
  await seconds(60);
  expect(logged).toEqual([]);
  expect(said.length).toBeGreaterThan(before);
});

test('a loop that waits for a disk does not: another agent would wait for it as well', async () => {
  const { said, state, pings, seconds } = telling();
  state.turnedMs = () => 0;
  state.disk = 'libuv-worker';
  await seconds(600);
  expect(pings().at(-1)).toBeGreaterThan(565);
  expect(said.at(-1)![1].STATUS).toContain('waits for a disk');
});

test('STOPPING is said last, once', async () => {
  const { said, tell, seconds } = telling();
  await seconds(3);
  await tell.stop();
  await seconds(100);
  expect(said.at(-1)).toEqual([3, { STOPPING: '1', STATUS: expect.any(String) }]);
});

test('a systemd that cannot be told is said once, and told again all the same', async () => {
  let tries = 0;
  const { logged, seconds } = telling({
    notify: async () => {
      tries += 1;
      throw new Error('systemd-notify could not be started');
    },
  });
  await seconds(100);
  expect(tries).toBeGreaterThan(3);
  expect(logged).toHaveLength(1);
});
