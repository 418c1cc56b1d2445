/** A coordinator that was killed, or lost its link, asks again while the agent still makes what it was asked for. */
import { expect, it } from 'vitest';
import type { CallContext } from './handlers.js';
import { operationHandlers } from './operation-handlers.js';

/** An agent whose disk answers when `release` is called, and then names no operation. */
function slowAgent() {
  let looks = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const spec = async () => {
    looks += 1;
    await released;
    return undefined;
  };
  const context = {
    host: { store: { spec }, heal: { read: async () => ({}), journal: async () => undefined } },
    caretaker: {},
  } as unknown as CallContext;
  const place = (operation: string) => operationHandlers['operation.place']({ operation }, context);
  return { place, release, looks: () => looks };
}

it('asked twice for one data dir, an agent makes one and gives both the same answer', async () => {
  const { place, release, looks } = slowAgent();
  const asked = [place('one'), place('one')];
  const ended = Promise.allSettled(asked);
  release();
  const [first, second] = await ended;
  expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'refused' } });
  expect(second).toEqual(first);
  expect(looks()).toBe(1);
  await place('one').catch(() => {});
  expect(looks(), 'and begins anew once that has ended').toBe(2);
});

it('asked for another one meanwhile, it says which it is at', async () => {
  const { place, release } = slowAgent();
  const first = place('one').catch(() => {});
  await expect(place('two')).rejects.toMatchObject({
    kind: 'busy',
    message: expect.stringContaining('operation one'),
  });
  release();
  await first;
});
