/** Only for tests: bbolt files of the given buckets, laid out with as many pages, levels and overflows as it takes. */

export type Content = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

interface Item {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly isBucket: boolean;
}

export interface WriterOptions {
  readonly pageBytes: number;
  /** Most entries of a page: a low one makes deep trees of few keys. */
  readonly perPage: number;
  /** Buckets of up to this many keys lie within the page of their parent. */
  readonly inlineMax: number;
}

/** Keys are latin1 texts. The second head is the newer one; the first is of another tree. */
export function boltFile(content: Content, { pageBytes, perPage, inlineMax }: WriterOptions): Buffer {
  const pages: Buffer[] = [];
  let next = 4;

  const place = (kind: number, items: readonly (readonly [Buffer, Buffer | number, boolean])[]): number => {
    const id = next;
    const bytes = page(kind, items);
    const count = Math.ceil(bytes.length / pageBytes);
    next += count;
    bytes.writeBigUInt64LE(BigInt(id), 0);
    bytes.writeUInt32LE(count - 1, 12);
    pages.push(Buffer.concat([bytes, Buffer.alloc(count * pageBytes - bytes.length)]));
    return id;
  };

  const tree = (items: readonly Item[]): number => {
    let level = groups(items, perPage).map((group) => ({
      first: group[0]?.key ?? Buffer.alloc(0),
      id: place(
        2,
        group.map(({ key, value, isBucket }) => [key, value, isBucket]),
      ),
    }));
    while (level.length > 1)
      level = groups(level, Math.max(2, perPage)).map((group) => ({
        first: group[0]!.first,
        id: place(
          1,
          group.map(({ first, id }) => [first, id, false]),
        ),
      }));
    return level[0]!.id;
  };

  const buckets = sorted(content).map(([name, keys]): Item => {
    const items = sorted(keys).map(([key, value]) => ({
      key: Buffer.from(key, 'latin1'),
      value: Buffer.from(value),
      isBucket: false,
    }));
    const head = Buffer.alloc(16);
    const key = Buffer.from(name, 'latin1');
    if (items.length <= inlineMax) {
      const inline = page(
        2,
        items.map(({ key: own, value }) => [own, value, false]),
      );
      return { key, value: Buffer.concat([head, inline]), isBucket: true };
    }
    head.writeBigUInt64LE(BigInt(tree(items)));
    return { key, value: head, isBucket: true };
  });
  const root = tree(buckets);
  const free = Buffer.alloc(2 * pageBytes);
  free.writeUInt16LE(0x10, 8);
  const heads = [meta(pageBytes, 3, next, 1n), meta(pageBytes, root, next, 2n)];
  return Buffer.concat([...heads, free, ...pages]);
}

function meta(pageBytes: number, root: number, end: number, transaction: bigint): Buffer {
  const bytes = Buffer.alloc(pageBytes);
  bytes.writeUInt16LE(4, 8);
  bytes.writeUInt32LE(0xed0cdaed, 16);
  bytes.writeUInt32LE(2, 20);
  bytes.writeUInt32LE(pageBytes, 24);
  bytes.writeBigUInt64LE(BigInt(root), 32);
  bytes.writeBigUInt64LE(2n, 48);
  bytes.writeBigUInt64LE(BigInt(end), 56);
  bytes.writeBigUInt64LE(transaction, 64);
  let sum = 0xcbf29ce484222325n;
  for (const byte of bytes.subarray(16, 72)) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
  bytes.writeBigUInt64LE(sum, 72);
  return bytes;
}

function page(kind: number, items: readonly (readonly [Buffer, Buffer | number, boolean])[]): Buffer {
  const head = Buffer.alloc(16 + 16 * items.length);
  head.writeUInt16LE(kind, 8);
  head.writeUInt16LE(items.length, 10);
  const data: Buffer[] = [];
  let at = head.length;
  items.forEach(([key, value, isBucket], index) => {
    const element = 16 + 16 * index;
    if (typeof value === 'number') {
      head.writeUInt32LE(at - element, element);
      head.writeUInt32LE(key.length, element + 4);
      head.writeBigUInt64LE(BigInt(value), element + 8);
      data.push(key);
      at += key.length;
    } else {
      head.writeUInt32LE(isBucket ? 1 : 0, element);
      head.writeUInt32LE(at - element, element + 4);
      head.writeUInt32LE(key.length, element + 8);
      head.writeUInt32LE(value.length, element + 12);
      data.push(key, value);
      at += key.length + value.length;
    }
  });
  return Buffer.concat([head, ...data]);
}

function groups<T>(items: readonly T[], size: number): T[][] {
  const made: T[][] = [];
  for (let at = 0; at < items.length; at += size) made.push(items.slice(at, at + size));
  return made.length === 0 ? [[]] : made;
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
}
