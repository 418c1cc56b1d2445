import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareKeys, foreignRanges, isInRange, type KeyRange, keyAfter, prefixRange } from './key-range.js';

const bytes = (...values: number[]) => Uint8Array.of(...values);
const key = fc.uint8Array({ minLength: 1, maxLength: 4 });
/** Bytes that make ends carry over are as likely as all others together. */
const oddKey = fc
  .array(fc.oneof(fc.constantFrom(0, 0xfe, 0xff), fc.nat(255)), { maxLength: 4 })
  .map((each) => bytes(...each));
const startsWith = (text: Uint8Array, prefix: Uint8Array) =>
  compareKeys(text.subarray(0, prefix.length), prefix) === 0;

it.each<[string, Uint8Array, KeyRange]>([
  ['a word', Buffer.from('/a'), { from: Buffer.from('/a'), end: Buffer.from('/b') }],
  ['a tail of ff', bytes(0x61, 0xff, 0xff), { from: bytes(0x61, 0xff, 0xff), end: bytes(0x62) }],
  ['nothing but ff', bytes(0xff, 0xff), { from: bytes(0xff, 0xff), end: 'toLast' }],
  ['nothing at all', bytes(), { from: bytes(0), end: 'toLast' }],
])('the range of a prefix of %s', (_name, prefix, { from, end }) => {
  const range = prefixRange(prefix);
  expect([...range.from]).toEqual([...from]);
  expect(range.end === 'toLast' ? range.end : [...range.end]).toEqual(end === 'toLast' ? end : [...end]);
});

it('a key is in the range of a prefix exactly where it begins with it', () => {
  fc.assert(
    fc.property(oddKey, key, oddKey, (prefix, any, tail) => {
      const below = Buffer.concat([prefix, tail]);
      for (const each of [any, below])
        if (each.length > 0) expect(isInRange(each, prefixRange(prefix))).toBe(startsWith(each, prefix));
    }),
  );
});

it('no key lies between a key and the one after it', () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(compareKeys(other, one) > 0).toBe(compareKeys(other, keyAfter(one)) >= 0);
    }),
  );
});

it('foreign ranges hold every key of theirs once, and none of this product', () => {
  const own = prefixRange(Buffer.from('/etcd-agent/'));
  const near = fc.constantFrom(
    '',
    '/',
    '/e',
    '/etcd-agent',
    '/etcd-agent/',
    '/etcd-agent/lock',
    '/etcd-agent0',
    '/f',
    '\u00ff',
  );
  const some = fc.oneof(
    near.map((text) => Buffer.from(text)),
    oddKey,
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 4 }), fc.oneof(some, key), (prefixes, wanted) => {
      fc.pre(wanted.length > 0);
      const ranges = prefixes.map(prefixRange);
      const found = foreignRanges(ranges).filter((range) => isInRange(wanted, range)).length;
      const isAsked = ranges.some((range) => isInRange(wanted, range));
      expect(found).toBe(isAsked && !isInRange(wanted, own) ? 1 : 0);
    }),
    { numRuns: 2_000 },
  );
});
