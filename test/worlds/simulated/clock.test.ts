import { expect, it } from 'vitest';
import { SimChance } from './chance.js';
import { SimClock } from './clock.js';

const awake = { deliver: (resume: () => void) => resume() };

it('fires by time, then by order, and does everything that promises can do in between', async () => {
  const clock = new SimClock();
  const seen: string[] = [];
  const note = (text: string) => seen.push(`${clock.nowMs} ${text}`);
  const sleeper = async (name: string, ms: number) => {
    await clock.forProcess(awake).sleep(ms);
    note(`${name} wakes`);
    for (let at = 0; at < 50; at++) await Promise.resolve();
    note(`${name} goes on`);
  };
  const sleepers = [sleeper('a', 20), sleeper('b', 10), sleeper('c', 10)];
  clock.at(10, () => note('event'));
  clock.at(10, () => note('cancelled'))();
  await clock.runUntil(15);
  expect(clock.nowMs).toBe(15);
  await clock.runUntil(30);
  await Promise.all(sleepers);
  expect(seen).toEqual([
    '10 b wakes',
    '10 b goes on',
    '10 c wakes',
    '10 c goes on',
    '10 event',
    '20 a wakes',
    '20 a goes on',
  ]);
});

it('stops at the moment at which something became true', async () => {
  const clock = new SimClock();
  let count = 0;
  for (let at = 1; at <= 5; at++) clock.at(at * 10, () => count++);
  expect(await clock.runUntilDone(() => count === 2, 1_000)).toBe(true);
  expect(clock.nowMs).toBe(20);
  expect(await clock.runUntilDone(() => count === 9, 1_000)).toBe(false);
});

it('ends a sleep by its signal, with the reason', async () => {
  const clock = new SimClock();
  const stop = new AbortController();
  const sleep = clock.forProcess(awake).sleep(1_000, stop.signal);
  clock.at(5, () => stop.abort('enough'));
  const reason = sleep.catch((error: unknown) => `${clock.nowMs} ${error}`);
  await clock.runUntil(10);
  expect(await reason).toBe('5 enough');
  await expect(clock.forProcess(awake).sleep(1, stop.signal)).rejects.toBe('enough');
});

it('never wakes whoever takes no answers', async () => {
  const clock = new SimClock();
  let woken = false;
  void clock
    .forProcess({ deliver: () => {} })
    .sleep(10)
    .then(() => {
      woken = true;
    });
  await clock.runUntil(100);
  expect(woken).toBe(false);
});

it('shows every host a wall clock of its own, and one time for durations', () => {
  const clock = new SimClock();
  const [right, fast] = [clock.forProcess(awake), clock.forProcess(awake, 60_000)];
  expect(fast.now().getTime() - right.now().getTime()).toBe(60_000);
  expect(fast.monotonicMs()).toBe(right.monotonicMs());
});

it('gives the same chance for the same seed, and each stream its own', () => {
  const draw = (chance: SimChance) => Array.from({ length: 5 }, () => chance.int(0, 1_000_000));
  const faults = draw(new SimChance('seed').stream('faults'));
  const drawnFrom = new SimChance('seed');
  draw(drawnFrom);
  expect(draw(drawnFrom.stream('faults'))).toEqual(faults);
  expect(draw(new SimChance('seed').stream('network'))).not.toEqual(faults);
  expect(draw(new SimChance('seed 2').stream('faults'))).not.toEqual(faults);
  expect(new SimChance('seed').uuid()).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

it('spreads evenly', () => {
  const chance = new SimChance('even');
  const counts = Array.from({ length: 10 }, () => 0);
  for (let at = 0; at < 10_000; at++) counts[chance.int(0, 9)]! += 1;
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
