import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyOf, keyText } from './key-text.js';

it.each<[string, Uint8Array, string]>([
  ['a path', Buffer.from('/kubernetes.io/pods/ä'), '/kubernetes.io/pods/ä'],
  ['bytes that are no text', Uint8Array.of(0x61, 0xff, 0x00), 'a\\xff\\x00'],
  ['a line feed', Buffer.from('a\nb'), 'a\\x0ab'],
  ['a backslash', Buffer.from('a\\xff'), 'a\\\\xff'],
  ['what turns the line around', Buffer.from('a\u202eb'), 'a\\xe2\\x80\\xaeb'],
])('%s is written so that it can be read and typed', (_name, key, text) => {
  expect(keyText(key)).toBe(text);
  expect([...keyOf(text)]).toEqual([...key]);
});

it('every key comes back from its text', () => {
  const keys = fc.oneof(
    fc.uint8Array(),
    fc
      .string({ unit: fc.constantFrom('a', '\\', 'x', 'ä', '\n', '\u{10ffff}', '\ufeff') })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(keys, (key) => {
      expect([...keyOf(keyText(key))]).toEqual([...key]);
    }),
  );
});

it.each(['a\\', '\\q', '\\x4', '\\xzz'])('%s is refused: what it stands for would be a guess', (text) => {
  expect(() => keyOf(text)).toThrow('backslash');
});
