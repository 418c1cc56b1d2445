/** Both ends of a link over two joined channels in memory, with a clock that the test turns. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { encodeMessage } from './codec.js';
import { Fault, faultCodes, LinkError } from './faults.js';
import type { CallerRole } from './identity.js';
import { closeCodes, limits } from './limits.js';
import { agentMethods } from './methods/agent.js';
import { defineMethods, type Handlers } from './methods/define.js';
import { callOver, type PeerTimers, type ServeEvents, serveOver } from './peer.js';
import { channelPair } from './testing/channel-pair.js';

const table = defineMethods({
  'echo.text': {
    roles: ['coordinator', 'peer'],
    params: z.strictObject({ text: z.string() }),
    result: z.strictObject({ text: z.string() }),
  },
  'etcd.stop': { roles: ['coordinator'], params: z.strictObject({}), result: z.strictObject({}) },
});
type Table = typeof table;

/** Deadlines that pass when the test says so. */
class HandTimers implements PeerTimers {
  private readonly waiting = new Set<{ ms: number; fire: () => void }>();
  start(ms: number, fire: () => void) {
    const timer = { ms, fire };
    this.waiting.add(timer);
    return { cancel: () => void this.waiting.delete(timer) };
  }
  get count(): number {
    return this.waiting.size;
  }
  pass(ms: number): void {
    for (const timer of [...this.waiting].filter((each) => each.ms <= ms)) {
      this.waiting.delete(timer);
      timer.fire();
    }
  }
}

interface Setup {
  readonly role?: CallerRole;
  readonly handlers?: Partial<Handlers<Table, undefined>>;
  readonly events?: ServeEvents;
}

function link({ role = 'coordinator', handlers = {}, events = {} }: Setup = {}) {
  const [near, far] = channelPair();
  const timers = new HandTimers();
  const stop = vi.fn(async () => ({}));
  const caller = callOver(near, table, timers);
  const own: Handlers<Table, undefined> = { 'echo.text': async ({ text }) => ({ text }), 'etcd.stop': stop };
  serveOver(far, table, role, { ...own, ...handlers }, undefined, events);
  return { near, far, timers, stop, caller };
}

/** Lets every microtask that is under way end. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = () => new Promise<never>(() => {});

describe('a call', () => {
  it('gets its answer', async () => {
    await expect(link().caller.call('echo.text', { text: 'é' })).resolves.toEqual({ text: 'é' });
  });

  it('gets its own answer when answers come in another order', async () => {
    const release: (() => void)[] = [];
    const { caller } = link({
      handlers: {
        'echo.text': ({ text }) => new Promise((resolve) => release.push(() => resolve({ text }))),
      },
    });
    const calls = ['a', 'b', 'c'].map((text) => caller.call('echo.text', { text }));
    await settled();
    for (const answer of release.reverse()) answer();
    await expect(Promise.all(calls)).resolves.toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
  });

  it('receives a fault with its kind, message and hint', async () => {
    const fault = new Fault('refused', 'data dir is not empty', 'Move it aside.');
    const { caller } = link({ handlers: { 'etcd.stop': () => Promise.reject(fault) } });
    await expect(caller.call('etcd.stop', {})).rejects.toMatchObject({
      name: 'Fault',
      kind: 'refused',
      message: 'data dir is not empty',
      hint: 'Move it aside.',
    });
  });

  it('receives a fault of endless text, cut, over a link that stays up', async () => {
    const endless = 'x'.repeat(100_000);
    const { caller, near } = link({
      handlers: { 'etcd.stop': () => Promise.reject(new Fault('failed', endless, endless)) },
    });
    await expect(caller.call('etcd.stop', {})).rejects.toMatchObject({
      kind: 'failed',
      message: 'x'.repeat(limits.messageCharsMax),
    });
    expect(near.closed).toBeUndefined();
  });

  it('takes a fault code of a later version for an internal one', async () => {
    const { caller, near, far } = link({ handlers: { 'etcd.stop': never } });
    const call = caller.call('etcd.stop', {});
    await settled();
    expect(near.sent).toHaveLength(1);
    far.send(encodeMessage({ kind: 'failure', id: 1, error: { code: 4999, message: 'new' } }));
    await expect(call).rejects.toMatchObject({ kind: 'internal', message: 'new' });
  });

  it('with parameters that do not fit is not sent', async () => {
    const { caller, near } = link();
    await expect(caller.call('echo.text', { text: 1 } as never)).rejects.toThrow();
    expect(near.sent).toEqual([]);
  });

  it('larger than a frame is not sent and leaves nothing behind', async () => {
    const { caller, near, timers } = link();
    await expect(caller.call('echo.text', { text: 'x'.repeat(limits.frameBytesMax) })).rejects.toThrow(
      RangeError,
    );
    expect(near.sent).toEqual([]);
    expect(timers.count).toBe(0);
    await expect(caller.call('echo.text', { text: 'small' })).resolves.toEqual({ text: 'small' });
  });

  it('with an answer that does not fit fails without showing the answer', async () => {
    const { caller, far } = link({ handlers: { 'etcd.stop': never } });
    const call = caller.call('etcd.stop', {});
    far.send(encodeMessage({ kind: 'result', id: 1, result: { leaked: 'secret value' } }));
    const error = await call.catch((each: unknown) => each as Fault);
    expect(error).toMatchObject({ kind: 'internal', message: expect.stringContaining('does not fit') });
    expect((error as Fault).message).not.toContain('secret value');
  });

  it('that is not answered in time says so, and the late answer is dropped', async () => {
    let answer = () => {};
    const { caller, timers, near } = link({
      handlers: { 'etcd.stop': () => new Promise((resolve) => (answer = () => resolve({}))) },
    });
    const call = caller.call('etcd.stop', {}, 1_000);
    await settled();
    timers.pass(999);
    timers.pass(1_000);
    await expect(call).rejects.toMatchObject({ name: 'LinkError', kind: 'timeout' });
    answer();
    await settled();
    expect(near.closed).toBeUndefined();
    await expect(caller.call('echo.text', { text: 'next' })).resolves.toEqual({ text: 'next' });
  });

  it('keeps no timer once it is answered', async () => {
    const { caller, timers } = link();
    await caller.call('echo.text', { text: 'a' });
    expect(timers.count).toBe(0);
  });

  it('rejects when the link is closed, and so does every later one', async () => {
    const { caller, far, timers } = link({ handlers: { 'etcd.stop': never } });
    const calls = [caller.call('etcd.stop', {}), caller.call('etcd.stop', {})];
    await settled();
    far.close(closeCodes.goingAway, 'stopping');
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ reason: { kind: 'closed', message: 'stopping', closeCode: 1001 } });
    }
    await expect(caller.call('echo.text', { text: 'a' })).rejects.toBeInstanceOf(LinkError);
    expect(timers.count).toBe(0);
  });

  it('beyond the cap is not sent, and is sent again once others have ended', async () => {
    const release: (() => void)[] = [];
    const { caller, near } = link({
      handlers: { 'etcd.stop': () => new Promise((resolve) => release.push(() => resolve({}))) },
    });
    const calls = Array.from({ length: limits.requestsInFlightMax }, () => caller.call('etcd.stop', {}));
    await expect(caller.call('etcd.stop', {})).rejects.toMatchObject({ kind: 'overloaded' });
    await settled();
    expect(near.sent).toHaveLength(limits.requestsInFlightMax);
    for (const answer of release) answer();
    await Promise.all(calls);
    await expect(caller.call('echo.text', { text: 'a' })).resolves.toEqual({ text: 'a' });
  });

  it.each(['', 'hello', '[]', 'null', '{"jsonrpc":"2.0","id":1,"method":"etcd.stop","params":{}}'])(
    'rejects at once and the link is closed with 4400 when %j comes instead of an answer',
    async (frame) => {
      const { caller, near, far } = link({ handlers: { 'etcd.stop': never } });
      const call = caller.call('etcd.stop', {});
      far.send(frame);
      await expect(call).rejects.toMatchObject({ kind: 'closed', closeCode: closeCodes.malformed });
      await settled();
      expect(near.closed?.code).toBe(4400);
    },
  );

  it('survives any text and any JSON as an answer', async () => {
    const frames = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((body) => `{"jsonrpc":"2.0","id":1,"result":${body}}`),
    );
    await fc.assert(
      fc.asyncProperty(frames, async (frame) => {
        const { caller, far } = link({ handlers: { 'etcd.stop': never } });
        const call = caller.call('etcd.stop', {});
        far.send(frame);
        const outcome = await Promise.allSettled([call]);
        if (outcome[0].status === 'fulfilled') expect(outcome[0].value).toEqual({});
      }),
    );
  });
});

describe('a serving end', () => {
  it('refuses a role that the method does not name, before it looks at the parameters', async () => {
    const onRefused = vi.fn();
    const { caller, near, stop } = link({ role: 'peer', events: { onRefused } });
    await expect(caller.call('etcd.stop', {})).rejects.toMatchObject({ kind: 'unauthorised' });
    near.send('{"jsonrpc":"2.0","id":9,"method":"etcd.stop","params":{"odd":1}}');
    await settled();
    expect(stop).not.toHaveBeenCalled();
    expect(onRefused.mock.calls).toEqual([
      ['etcd.stop', 'unauthorised'],
      ['etcd.stop', 'unauthorised'],
    ]);
    await expect(caller.call('echo.text', { text: 'a' })).resolves.toEqual({ text: 'a' });
  });

  it.each([
    'etcd.start',
    'Echo.text',
    'echo.text ',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
  ])('does not know the method %j', async (method) => {
    const onRefused = vi.fn();
    const { near, far } = link({ events: { onRefused } });
    near.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} }));
    await settled();
    expect(JSON.parse(far.sent[0]!)).toMatchObject({ id: 1, error: { code: faultCodes.unknownMethod } });
    expect(onRefused).toHaveBeenCalledWith(method, 'unknownMethod');
    expect(far.closed).toBeUndefined();
  });

  it('names what is wrong with parameters, not their values', async () => {
    const { near, far, stop } = link();
    near.send('{"jsonrpc":"2.0","id":1,"method":"echo.text","params":{"text":31337,"extra":"hunter2"}}');
    near.send('{"jsonrpc":"2.0","id":2,"method":"etcd.stop","params":{"__proto__":{"a":1},"force":true}}');
    await settled();
    const [first, second] = far.sent.map((frame) => JSON.parse(frame));
    expect(first.error).toMatchObject({
      code: faultCodes.invalidParams,
      message: expect.stringContaining('text:'),
    });
    expect(first.error.message).toContain('extra');
    expect(far.sent.join()).not.toMatch(/31337|hunter2/);
    expect(second.error.code).toBe(faultCodes.invalidParams);
    expect(stop).not.toHaveBeenCalled();
  });

  it.each([
    ['throws', () => Promise.reject(new Error('/root/key.pem: -----BEGIN EC PRIVATE KEY-----'))],
    ['throws what is no error', () => Promise.reject('-----BEGIN EC PRIVATE KEY-----')],
    [
      'throws before it has a promise',
      () => {
        throw new TypeError('-----BEGIN EC PRIVATE KEY-----');
      },
    ],
    ['answers what does not fit', async () => ({ key: '-----BEGIN EC PRIVATE KEY-----' }) as never],
    ['answers nothing', async () => undefined as never],
  ])('tells its owner, not the caller, what went wrong when a handler %s', async (_how, handler) => {
    const onError = vi.fn();
    const { caller, far } = link({ handlers: { 'etcd.stop': handler }, events: { onError } });
    await expect(caller.call('etcd.stop', {})).rejects.toMatchObject({ kind: 'internal' });
    expect(onError).toHaveBeenCalledOnce();
    expect(far.sent.join()).not.toContain('PRIVATE KEY');
    await expect(caller.call('echo.text', { text: 'a' })).resolves.toEqual({ text: 'a' });
  });

  it('survives a result that is larger than a frame', async () => {
    const onError = vi.fn();
    const { caller } = link({
      handlers: { 'echo.text': async () => ({ text: 'x'.repeat(limits.frameBytesMax) }) },
      events: { onError },
    });
    await expect(caller.call('echo.text', { text: '' })).rejects.toMatchObject({ kind: 'internal' });
    expect(onError).toHaveBeenCalledWith('echo.text', expect.any(RangeError));
  });

  it('answers busy beyond the cap, and counts down as handlers end', async () => {
    const onRefused = vi.fn();
    const release: (() => void)[] = [];
    const { near, far } = link({
      handlers: { 'etcd.stop': () => new Promise((resolve) => release.push(() => resolve({}))) },
      events: { onRefused },
    });
    const ask = (id: number) =>
      near.send(encodeMessage({ kind: 'request', id, method: 'etcd.stop', params: {} }));
    for (let id = 0; id < limits.requestsInFlightMax + 2; id += 1) ask(id);
    await settled();
    expect(far.sent.map((frame) => JSON.parse(frame).error.code)).toEqual([faultCodes.busy, faultCodes.busy]);
    expect(release).toHaveLength(limits.requestsInFlightMax);
    expect(onRefused).toHaveBeenCalledTimes(2);
    for (const answer of release.splice(0)) answer();
    await settled();
    ask(99);
    await settled();
    expect(release).toHaveLength(1);
  });

  it('closes with 4400 at a frame that is no request, and serves nothing that follows it', async () => {
    for (const frame of ['', '{', '[]', '{"jsonrpc":"2.0","id":1,"result":{}}']) {
      const onRefused = vi.fn();
      const { near, far, stop } = link({ events: { onRefused } });
      near.send(frame);
      near.send(encodeMessage({ kind: 'request', id: 2, method: 'etcd.stop', params: {} }));
      await settled();
      expect(far.closed?.code).toBe(4400);
      expect(near.closed?.code).toBe(4400);
      expect(stop).not.toHaveBeenCalled();
      expect(onRefused.mock.calls).toEqual([['?', 'malformed']]);
    }
  });

  it('says nothing into a link that was closed while it worked', async () => {
    let answer = () => {};
    const { near, far, caller } = link({
      handlers: { 'etcd.stop': () => new Promise((resolve) => (answer = () => resolve({}))) },
    });
    const call = caller.call('etcd.stop', {}).catch(() => {});
    await settled();
    near.close(closeCodes.normal, '');
    await call;
    answer();
    await settled();
    expect(far.sent).toEqual([]);
  });

  it('of the real methods survives anything, and runs nothing for a role without rights', async () => {
    const run = vi.fn(async () => ({}) as never);
    const handlers = Object.fromEntries(Object.keys(agentMethods).map((name) => [name, run])) as never;
    const allowed = (role: CallerRole) =>
      Object.entries(agentMethods).flatMap(([name, { roles }]) =>
        (roles as readonly CallerRole[]).includes(role) ? [name] : [],
      );
    const method = fc.oneof(
      fc.constantFrom(...Object.keys(agentMethods), '__proto__', 'constructor', 'toString'),
      fc.string(),
    );
    const params = fc.oneof(fc.jsonValue(), fc.object(), fc.constant({}));
    const frames = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({ jsonrpc: fc.constant('2.0'), id: fc.nat(), method, params })
        .map((body) => JSON.stringify(body)),
    );
    await fc.assert(
      fc.asyncProperty(frames, fc.constantFrom<CallerRole>('coordinator', 'peer'), async (frame, role) => {
        run.mockClear();
        const onError = vi.fn();
        const [near, far] = channelPair();
        serveOver(far, agentMethods, role, handlers, undefined, { onError });
        near.send(frame);
        await settled();
        // Answered exactly once, or closed.
        expect(far.sent.length + (far.closed?.code === 4400 ? 1 : 0)).toBe(1);
        if (run.mock.calls.length > 0) expect(allowed(role)).toContain(JSON.parse(frame).method);
      }),
      { numRuns: 300 },
    );
  });
});
