import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoltBucket, BoltError, BoltFile, bucketIn, type ReadAt } from './bolt.js';
import { boltFile, type Content, type WriterOptions } from './testing/bolt-writer.js';

const key = fc.string({
  unit: fc.nat(255).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 12,
});
const keys = fc.uniqueArray(fc.tuple(key, fc.uint8Array({ maxLength: 700 })), {
  selector: ([name]) => name,
  maxLength: 60,
});
const content: fc.Arbitrary<Content> = fc
  .uniqueArray(fc.tuple(key, keys), { selector: ([name]) => name, maxLength: 6 })
  .map((buckets) => new Map(buckets.map(([name, all]) => [name, new Map(all)])));
const options: fc.Arbitrary<WriterOptions> = fc.record({
  pageBytes: fc.constantFrom(1024, 4096, 65536),
  perPage: fc.integer({ min: 1, max: 9 }),
  inlineMax: fc.integer({ min: 0, max: 3 }),
});

const readAtOf =
  (bytes: Uint8Array): ReadAt =>
  async (offset, length) =>
    bytes.subarray(offset, offset + length);

describe('a bbolt file', () => {
  it('is read as it was written, whatever its pages, levels and overflows are', async () => {
    await fc.assert(
      fc.asyncProperty(content, options, async (written, how) => {
        const file = await BoltFile.open(readAtOf(boltFile(written, how)));
        expect(await everything(file)).toEqual(asText(written));
        for (const [name, of] of written) {
          const bucket = (await file.bucket(name)) as BoltBucket;
          const sorted = [...asText(new Map([['', of]])).get('')!];
          const last = await file.last(bucket);
          expect(last === undefined ? undefined : latin1(last.key)).toBe(sorted.at(-1)?.[0]);
          for (const [name] of sorted.slice(0, 5)) expect(await file.get(bucket, name)).toBeDefined();
          expect(await file.get(bucket, 'not a key of it')).toBeUndefined();
        }
        expect(await file.bucket('no such bucket')).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  it('ends in a BoltError and never in an endless walk, whatever bytes of it are damaged', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(content, options, damage, fc.boolean(), async (written, how, flips, cut) => {
        const bytes = boltFile(written, { ...how, pageBytes: 1024 });
        // Beyond the heads, whose checksums would end it at once.
        for (const [at, value] of flips) bytes[2048 + (at % (bytes.length - 2048))] = value;
        const damaged = cut ? bytes.subarray(0, flips[0]![0] % bytes.length) : bytes;
        try {
          await everything(await BoltFile.open(readAtOf(damaged)));
        } catch (error) {
          if (!(error instanceof BoltError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('with pages that lead in a circle comes to an end', async () => {
    const written = new Map([['key', new Map([1, 2, 3, 4].map((at) => [`k${at}`, Buffer.alloc(1)]))]]);
    const bytes = boltFile(written, { pageBytes: 1024, perPage: 1, inlineMax: 0 });
    const branches = [...Array(bytes.length / 1024).keys()].filter(
      (id) => id > 3 && bytes.readUInt16LE(id * 1024 + 8) === 1,
    );
    expect(branches.length).toBeGreaterThan(1);
    for (const target of branches) {
      const circle = Buffer.from(bytes);
      for (const id of branches) circle.writeBigUInt64LE(BigInt(target), id * 1024 + 16 + 8);
      await expect(everything(await BoltFile.open(readAtOf(circle)))).rejects.toThrow(BoltError);
    }
  });

  it('with a page that is in it twice is damaged', async () => {
    const written = new Map([['key', new Map(['a', 'b'].map((name) => [name, Buffer.alloc(1)]))]]);
    const bytes = boltFile(written, { pageBytes: 1024, perPage: 1, inlineMax: 0 });
    const branch = [...Array(bytes.length / 1024).keys()].find(
      (id) => id > 3 && bytes.readUInt16LE(id * 1024 + 8) === 1,
    )!;
    // Its second element leads to where its first one does.
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(branch * 1024 + 24), branch * 1024 + 40);
    await expect(everything(await BoltFile.open(readAtOf(bytes)))).rejects.toThrow('out of order');
  });

  it('is read by its newer head, and by the other one where that is damaged', async () => {
    const bytes = boltFile(new Map([['key', new Map([['a', Buffer.from('b')]])]]), {
      pageBytes: 4096,
      perPage: 4,
      inlineMax: 0,
    });
    const first = Buffer.from(bytes);
    first[16 + 30]! ^= 1;
    expect((await everything(await BoltFile.open(readAtOf(first)))).has('key')).toBe(true);
    const newer = Buffer.from(bytes);
    newer[4096 + 16 + 30]! ^= 1;
    // The older head of this file leads to a page that is none.
    await expect(everything(await BoltFile.open(readAtOf(newer)))).rejects.toThrow(
      /is no page of a tree|another/,
    );
    newer[16 + 30]! ^= 1;
    await expect(BoltFile.open(readAtOf(newer))).rejects.toThrow('neither of its two heads is sound');
    await expect(BoltFile.open(readAtOf(Buffer.alloc(0)))).rejects.toThrow(BoltError);
  });
});

async function everything(file: BoltFile): Promise<Map<string, Map<string, string>>> {
  const read = new Map<string, Map<string, string>>();
  for await (const bucket of file.entries(file.root)) {
    const all = new Map<string, string>();
    read.set(latin1(bucket.key), all);
    if (!bucket.isBucket) continue;
    for await (const { key: name, value } of file.entries(bucketIn(bucket)))
      all.set(latin1(name), latin1(value));
  }
  return read;
}

function asText(written: Content): Map<string, Map<string, string>> {
  return new Map(
    [...written].map(([name, of]) => [
      name,
      new Map(
        [...of]
          .map(([at, value]): [string, string] => [at, latin1(value)])
          .sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))),
      ),
    ]),
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
