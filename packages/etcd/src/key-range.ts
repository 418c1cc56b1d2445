/**
 * Ranges of keys as etcd has them: by bytes, from a key to a key that is not in it any more. Prefixes, the ranges that remain
 * when another is left out, and which keys are this product's own. Pure.
 */

/** From `from` to below `end`; `toLast`: to the last key there is. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly end: Uint8Array | 'toLast';
}

/** What this product keeps in etcd itself lies under this prefix, and nothing of it lasts. */
export const ownKeyPrefix = '/etcd-agent/';

/** All keys that begin with these bytes. The empty prefix is every key. */
export function prefixRange(prefix: Uint8Array): KeyRange {
  // etcd has no empty key: the lowest is one zero byte.
  const from = prefix.length === 0 ? Uint8Array.of(0) : prefix;
  // The next higher prefix: the last byte that can be counted up is, and what comes after it is cut off.
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  if (last === -1) return { from, end: 'toLast' };
  const end = Uint8Array.from(prefix.subarray(0, last + 1));
  end[last]! += 1;
  return { from, end };
}

/** The lowest key that is higher than this one. */
export function keyAfter(key: Uint8Array): Uint8Array {
  return Uint8Array.of(...key, 0);
}

/** By bytes, as etcd sorts. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function isInRange(key: Uint8Array, { from, end }: KeyRange): boolean {
  return compareKeys(key, from) >= 0 && isBelow(key, end);
}

/** These ranges in order, with those that meet made one, and without the keys of this product. */
export function foreignRanges(ranges: readonly KeyRange[]): KeyRange[] {
  const own = prefixRange(Buffer.from(ownKeyPrefix));
  return merged(ranges).flatMap((range) => without(range, own));
}

function merged(ranges: readonly KeyRange[]): KeyRange[] {
  const all: KeyRange[] = [];
  for (const range of [...ranges].sort((a, b) => compareKeys(a.from, b.from))) {
    const last = all.at(-1);
    const meets = last !== undefined && (last.end === 'toLast' || compareKeys(range.from, last.end) <= 0);
    if (meets) all[all.length - 1] = { from: last.from, end: higher(last.end, range.end) };
    else all.push(range);
  }
  return all;
}

function without(range: KeyRange, hole: KeyRange): KeyRange[] {
  const before = { from: range.from, end: lower(range.end, hole.from) };
  const rest = hole.end === 'toLast' ? [] : [{ from: later(range.from, hole.end), end: range.end }];
  return [before, ...rest].filter(({ from, end }) => isBelow(from, end));
}

function isBelow(key: Uint8Array, end: KeyRange['end']): boolean {
  return end === 'toLast' || compareKeys(key, end) < 0;
}

function higher(a: KeyRange['end'], b: KeyRange['end']): KeyRange['end'] {
  return a === 'toLast' || b === 'toLast' ? 'toLast' : later(a, b);
}

function lower(a: KeyRange['end'], b: Uint8Array): Uint8Array {
  return a === 'toLast' || compareKeys(a, b) > 0 ? b : a;
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareKeys(a, b) >= 0 ? a : b;
}
