import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, type Message } from './codec.js';
import { limits } from './limits.js';

// Values as JSON gives them back: -0, for one, is written as 0.
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const id = fc.nat();
const text = fc.string({ maxLength: 200 });
const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    id,
    method: fc.string({ minLength: 1, maxLength: 64 }),
    params: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      json,
    ),
  }),
  fc.record({ kind: fc.constant('result' as const), id, result: json }),
  fc.record({
    kind: fc.constant('failure' as const),
    id,
    error: fc.oneof(
      fc.record({ code: fc.integer(), message: text }),
      fc.record({ code: fc.integer(), message: text, data: fc.record({ hint: text }) }),
    ),
  }),
);

const request = { jsonrpc: '2.0', id: 1, method: 'node.observe', params: {} };

describe('a message', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
    );
  });

  it('is refused to be written when it is larger than a frame', () => {
    const result = 'x'.repeat(limits.frameBytesMax);
    expect(() => encodeMessage({ kind: 'result', id: 1, result })).toThrow(RangeError);
  });

  it('counts bytes, not letters, against the largest frame', () => {
    const frame = (letters: number) => JSON.stringify({ jsonrpc: '2.0', id: 1, result: 'é'.repeat(letters) });
    expect(decodeMessage(frame(1000))).toBeDefined();
    expect(decodeMessage(frame(limits.frameBytesMax / 2))).toBeUndefined();
  });
});

describe('a frame that holds no message of this protocol', () => {
  it('is undefined for any text, and never an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (frame) => {
        expect(decodeMessage(frame)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['a batch', [request]],
    ['a notification', { jsonrpc: '2.0', method: 'x', params: {} }],
    ['JSON-RPC 1.0', { ...request, jsonrpc: '1.0' }],
    ['a text id', { ...request, id: '1' }],
    ['a null id', { ...request, id: null }],
    ['a negative id', { ...request, id: -1 }],
    ['an id beyond exact integers', { ...request, id: 2 ** 53 }],
    ['a fractional id', { ...request, id: 1.5 }],
    ['an empty method', { ...request, method: '' }],
    ['a method of 65 letters', { ...request, method: 'm'.repeat(65) }],
    ['no params', { jsonrpc: '2.0', id: 1, method: 'x' }],
    ['params by position', { ...request, params: [1] }],
    ['a request that is a result as well', { ...request, result: 1 }],
    [
      'a result that is an error as well',
      { jsonrpc: '2.0', id: 1, result: 1, error: { code: 1, message: '' } },
    ],
    ['an unknown key', { ...request, sender: 'coordinator' }],
    [
      'an error with foreign data',
      { jsonrpc: '2.0', id: 1, error: { code: 1, message: '', data: { stack: '' } } },
    ],
    ['an endless error message', { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x'.repeat(4001) } }],
  ])('%s', (_what, body) => {
    expect(decodeMessage(JSON.stringify(body))).toBeUndefined();
  });

  it('nesting a hundred thousand deep', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(decodeMessage(deep)).toBeUndefined();
    expect(() => decodeMessage(`{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":${deep}}}`)).not.toThrow();
  });

  it('a key __proto__ changes nobody’s prototype', () => {
    const frame = '{"jsonrpc":"2.0","id":1,"method":"x","params":{"__proto__":{"admin":true}}}';
    const message = decodeMessage(frame);
    expect(message?.kind === 'request' && message.params.admin).toBeFalsy();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });
});
