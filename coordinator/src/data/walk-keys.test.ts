import { compareKeys, EtcdError, type KeyClient, type KeyPage, prefixRange } from '@etcd-agent/etcd';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { walkKeys } from './walk-keys.js';

/** Keys as clusters have them: long common beginnings, dense here and sparse there, and bytes that no text has. */
const segment = fc.oneof(
  fc.constantFrom('kubernetes.io', 'pods', 'ns', 'etcd'),
  fc.nat(99_999).map((number) => `object-${number}`),
  fc.string({ maxLength: 3, unit: fc.constantFrom('a', '\u0000', 'ä', '\u{10ffff}') }),
);
const someKey = fc.oneof(
  fc.array(segment, { minLength: 1, maxLength: 5 }).map((parts) => Buffer.from(`/${parts.join('/')}`)),
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);

/** One member's index; counts what it had to look at. */
function storeOf(keys: readonly Buffer[], tooLargeFrom = Number.POSITIVE_INFINITY) {
  const sorted = [...new Map(keys.map((key) => [key.toString('hex'), key])).values()].sort(compareKeys);
  const store = { sorted, looked: 0, calls: 0 };
  /** How many keys are lower. */
  const place = (key: Uint8Array) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(sorted[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const page: KeyClient['page'] = async (range, limit) => {
    const [from, end] = [place(range.from), range.end === 'toLast' ? sorted.length : place(range.end)];
    const count = Math.max(0, end - from);
    store.looked += count;
    store.calls += 1;
    if (Math.min(limit, count) >= tooLargeFrom) throw new EtcdError('tooLarge', '', 'too large');
    const facts = { createRevision: '1', modRevision: '1', version: '1', lease: '0' };
    const keysOf = sorted.slice(from, Math.min(end, from + limit)).map((key) => ({ key, ...facts }));
    return { keys: keysOf, count, revision: '1' };
  };
  return { store, call: <T>(run: (client: Pick<KeyClient, 'page'>) => Promise<T>) => run({ page }) };
}

async function walked(keys: readonly Buffer[], limit: number, tooLargeFrom?: number) {
  const { store, call } = storeOf(keys, tooLargeFrom);
  const pages: KeyPage[] = [];
  const range = prefixRange(Buffer.alloc(0));
  for await (const page of walkKeys({ range, limit: () => limit, revision: '0', call })) pages.push(page);
  return { ...store, pages, seen: pages.flatMap((page) => page.keys.map(({ key }) => key)) };
}

it('a walk meets every key once and in order, whatever the keys and the size of a page', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(someKey, { maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      async (keys, limit) => {
        const { seen, sorted, pages } = await walked(keys, limit);
        expect(seen.map((key) => Buffer.from(key).toString('hex'))).toEqual(
          sorted.map((key) => key.toString('hex')),
        );
        expect(pages.every((page) => page.keys.length > 0 && page.keys.length <= limit)).toBe(true);
      },
    ),
  );
});

it('pages that are too large to be sent are asked for again with fewer keys', async () => {
  const keys = Array.from({ length: 100 }, (_, at) => Buffer.from(`key-${at}`));
  const { seen, pages } = await walked(keys, 64, 9);
  expect(seen).toHaveLength(100);
  expect(Math.max(...pages.map((page) => page.keys.length))).toBeLessThanOrEqual(8);
});

it.each<[string, (at: number) => string]>([
  ['numbered', (at) => `/registry/pods/object-${String(at).padStart(6, '0')}`],
  [
    'in namespaces of forty',
    (at) => `/kubernetes.io/pods/namespace-${Math.floor(at / 40)}/${(at * 7_919) % 100_003}`,
  ],
  [
    'of four kinds, one with nearly all',
    (at) =>
      `/k8s/${at % 50 === 0 ? at % 3 : 'events'}/${((at * 7_919) % 100_003).toString(36)}-a-long-name-behind-it`,
  ],
])('keys %s: etcd looks at each of them a few times, not once for each page', async (_name, keyOf) => {
  const count = 20_000;
  const { looked, calls, seen } = await walked(
    Array.from({ length: count }, (_, at) => Buffer.from(keyOf(at))),
    100,
  );
  expect(seen).toHaveLength(count);
  // Without windows it would be a hundred times each.
  expect(looked / count).toBeLessThan(12);
  expect(calls).toBeLessThan(3 * (count / 100));
});
