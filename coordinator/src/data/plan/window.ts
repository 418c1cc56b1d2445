/**
 * Windows over the keys. For a page of keys etcd looks at the index of the whole range that it is asked for, and writers wait
 * meanwhile: with a million keys that is a tenth of a second for each page. So each page is asked of a window that should hold
 * a few pages, reckoned from how close together the last keys lay. A wrong guess costs time and never a key. Pure.
 */
import { compareKeys, type KeyRange } from '@etcd-agent/etcd';

/** How far apart keys lie: from the first to the last of some page, so many times over. */
export interface Stride {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly times: bigint;
}

/** A page of a window that holds more than so many is one of a window too wide. */
const pagesMax = 8;
const timesAtFirst = 4n;

/** What the next window is reckoned with. `former` undefined: nothing is known, the first window is all of the range. */
export function nextStride(
  former: Stride | undefined,
  page: { readonly keys: readonly { readonly key: Uint8Array }[]; readonly count: number },
  limit: number,
): Stride | undefined {
  const { keys, count } = page;
  const [first, last] = [keys[0]?.key, keys.at(-1)?.key];
  const isFull = keys.length === limit || count > keys.length;
  if (first !== undefined && last !== undefined && (isFull || former === undefined)) {
    const wasTooWide = former !== undefined && count > pagesMax * limit;
    return { first, last, times: wasTooWide && former.times <= timesAtFirst ? 1n : timesAtFirst };
  }
  if (former === undefined || keys.length * 2 >= limit) return former;
  // A gap may be of any size: without a key in it the step grows by its own square.
  const times = keys.length === 0 ? former.times * former.times * 4n : former.times * 2n;
  return { ...former, times };
}

/** The window that begins at `from`; never empty, never beyond the range. */
export function windowAt(
  from: Uint8Array,
  { end }: Pick<KeyRange, 'end'>,
  stride: Stride | undefined,
): KeyRange {
  if (stride === undefined) return { from, end };
  // Keys as numbers, to eight bytes behind what the two have in common.
  const length = commonLength(stride.first, stride.last) + 8;
  const width = numberOf(stride.last, length) - numberOf(stride.first, length);
  const reach = numberOf(from, length) + (width > 0n ? width : 1n) * stride.times;
  if (reach >= 1n << BigInt(8 * length)) return { from, end };
  const guess = Buffer.from(reach.toString(16).padStart(2 * length, '0'), 'hex');
  return { from, end: end !== 'toLast' && compareKeys(guess, end) >= 0 ? end : guess };
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, at) => byte !== b[at]);
  return differs === -1 ? a.length : differs;
}

function numberOf(key: Uint8Array, length: number): bigint {
  const padded = Buffer.alloc(length);
  padded.set(key.subarray(0, length));
  return BigInt(`0x${padded.toString('hex')}`);
}
