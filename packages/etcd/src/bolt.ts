/**
 * A bbolt file as values: its buckets and what is in them, in the order of their keys. etcd keeps its whole store in one such
 * file, and whoever wants to know what a stopped member has must read it without etcd.
 *
 * The bytes come through a port, a page at a time; nothing is kept and nothing written. A damaged file ends in a
 * {@link BoltError}, never in an endless walk: pages lie below the file's own mark, keys only rise, and trees are not deep. A file
 * that is being written to has no moment of its own: see {@link lastTransaction}.
 */

/** Bytes of the file from `offset`: fewer, or none, at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/** The file is not bbolt's, or damaged; the message says where. */
export class BoltError extends Error {
  override readonly name = 'BoltError';
}

/** One key of a bucket. Both are views of bytes that nobody changes. */
export interface BoltEntry {
  readonly key: Uint8Array;
  /** Of a bucket in the bucket: its head. */
  readonly value: Uint8Array;
  readonly isBucket: boolean;
}

/** The tree of one bucket: of pages of its own, or of one page within its parent's. */
export type BoltBucket =
  | { readonly kind: 'pages'; readonly root: number }
  | { readonly kind: 'inline'; readonly page: Uint8Array };

/** What both ends of the file say of it; the newer one that is sound holds. */
interface Meta {
  readonly pageBytes: number;
  readonly root: number;
  /** The first page that was never used. */
  readonly end: number;
  readonly transaction: bigint;
}

const pageHeadBytes = 16;
const elementBytes = 16;
const bucketHeadBytes = 16;
const metaBytes = 64;
const magic = 0xed0cdaed;
const formatVersion = 2;
const flags = { branch: 1, leaf: 2, meta: 4 } as const;
/** A tree of 2^64 keys with two in each page would not be deeper. */
const depthMax = 64;
/** The largest page that is read: etcd's largest request is a few MiB, and a page with overflow holds one. */
const pageBytesMax = 256 * 1024 * 1024;

export class BoltFile {
  private constructor(
    private readonly readAt: ReadAt,
    private readonly meta: Meta,
  ) {}

  /** Throws {@link BoltError} where neither head of the file is sound. */
  static async open(readAt: ReadAt): Promise<BoltFile> {
    return new BoltFile(readAt, await readMeta(readAt));
  }

  /** The bucket that holds all the others. */
  get root(): BoltBucket {
    return { kind: 'pages', root: this.meta.root };
  }

  /** A bucket of the outermost one, by its name, of which each character is a byte. */
  async bucket(name: string): Promise<BoltBucket | undefined> {
    const entry = await this.find(this.root, Buffer.from(name, 'latin1'));
    return entry?.isBucket === true ? bucketIn(entry) : undefined;
  }

  async get(bucket: BoltBucket, key: string): Promise<Uint8Array | undefined> {
    const entry = await this.find(bucket, Buffer.from(key, 'latin1'));
    return entry === undefined || entry.isBucket ? undefined : entry.value;
  }

  /** All entries, by rising keys. */
  async *entries(bucket: BoltBucket): AsyncGenerator<BoltEntry> {
    let before: Uint8Array | undefined;
    for await (const entry of this.walk(await this.pageOf(bucket), 0)) {
      // Also what ends a walk through pages that lead in a circle.
      if (before !== undefined && Buffer.compare(before, entry.key) >= 0)
        throw new BoltError('keys are out of order');
      before = entry.key;
      yield entry;
    }
  }

  /** The entry with the highest key. */
  async last(bucket: BoltBucket): Promise<BoltEntry | undefined> {
    let page = await this.pageOf(bucket);
    for (let depth = 0; depth < depthMax; depth++) {
      if (page.isLeaf) return page.count === 0 ? undefined : page.entry(page.count - 1);
      page = await this.page(page.child(page.count - 1));
    }
    throw tooDeep();
  }

  private async find(bucket: BoltBucket, key: Uint8Array): Promise<BoltEntry | undefined> {
    let page = await this.pageOf(bucket);
    for (let depth = 0; depth < depthMax; depth++) {
      const at = page.lastNotAbove(key);
      if (page.isLeaf) {
        const entry = at < 0 ? undefined : page.entry(at);
        return entry !== undefined && Buffer.compare(entry.key, key) === 0 ? entry : undefined;
      }
      page = await this.page(page.child(Math.max(at, 0)));
    }
    throw tooDeep();
  }

  private async *walk(page: Page, depth: number): AsyncGenerator<BoltEntry> {
    if (depth >= depthMax) throw tooDeep();
    for (let at = 0; at < page.count; at++) {
      if (page.isLeaf) yield page.entry(at);
      else yield* this.walk(await this.page(page.child(at)), depth + 1);
    }
  }

  private async pageOf(bucket: BoltBucket): Promise<Page> {
    if (bucket.kind === 'inline') return new Page(bucket.page, 'an inline bucket', true);
    return this.page(bucket.root, true);
  }

  private async page(id: number, isRoot = false): Promise<Page> {
    const { pageBytes, end } = this.meta;
    if (id < 2 || id >= end) throw new BoltError(`page ${id} is outside of the file's ${end} pages`);
    let bytes = await readAll(this.readAt, id * pageBytes, pageBytes);
    const head = viewOf(bytes);
    if (uint64(head, 0) !== BigInt(id)) throw new BoltError(`page ${id} says that it is another`);
    const overflow = head.getUint32(12, true);
    const length = (1 + overflow) * pageBytes;
    if (id + overflow >= end || length > pageBytesMax)
      throw new BoltError(`page ${id} claims ${length} bytes`);
    if (overflow > 0) bytes = await readAll(this.readAt, id * pageBytes, length);
    return new Page(bytes, `page ${id}`, isRoot);
  }
}

/** The number of the last transaction, in decimal: the file is as it was while that is the same. */
export async function lastTransaction(readAt: ReadAt): Promise<string> {
  return String((await readMeta(readAt)).transaction);
}

/** The tree of a bucket, from its entry in another one. */
export function bucketIn({ value }: BoltEntry): BoltBucket {
  if (value.length < bucketHeadBytes) throw new BoltError('the head of a bucket is cut off');
  const root = number(viewOf(value), 0);
  return root === 0 ? { kind: 'inline', page: value.subarray(bucketHeadBytes) } : { kind: 'pages', root };
}

/** A branch or a leaf. */
class Page {
  readonly count: number;
  readonly isLeaf: boolean;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
    isRoot: boolean,
  ) {
    if (bytes.length < pageHeadBytes) throw new BoltError(`${name} is cut off`);
    this.view = viewOf(bytes);
    const kind = this.view.getUint16(8, true);
    this.count = this.view.getUint16(10, true);
    if (kind !== flags.leaf && kind !== flags.branch) throw new BoltError(`${name} is no page of a tree`);
    this.isLeaf = kind === flags.leaf;
    // Only a bucket without keys is of an empty page.
    if (this.count === 0 && !(isRoot && this.isLeaf)) throw new BoltError(`${name} is empty`);
    if (pageHeadBytes + this.count * elementBytes > bytes.length)
      throw new BoltError(`${name} claims ${this.count} entries`);
  }

  entry(at: number): BoltEntry {
    const element = pageHeadBytes + at * elementBytes;
    const from = element + this.view.getUint32(element + 4, true);
    const key = this.view.getUint32(element + 8, true);
    const value = this.view.getUint32(element + 12, true);
    return {
      key: this.part(from, key),
      value: this.part(from + key, value),
      isBucket: (this.view.getUint32(element, true) & 1) === 1,
    };
  }

  /** The page under a branch's element. */
  child(at: number): number {
    return number(this.view, pageHeadBytes + at * elementBytes + 8);
  }

  /** The element with the highest key that is not above `key`; -1 where all are. */
  lastNotAbove(key: Uint8Array): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare(this.keyAt(middle), key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private keyAt(at: number): Uint8Array {
    const element = pageHeadBytes + at * elementBytes;
    if (this.isLeaf) return this.entry(at).key;
    return this.part(element + this.view.getUint32(element, true), this.view.getUint32(element + 4, true));
  }

  private part(from: number, length: number): Uint8Array {
    if (from + length > this.bytes.length) throw new BoltError(`an entry goes beyond ${this.name}`);
    return this.bytes.subarray(from, from + length);
  }
}

/** etcd's pages are of the size of its machine's: the second head lies behind the first page, wherever that ends. */
async function readMeta(readAt: ReadAt): Promise<Meta> {
  const first = metaIn(await readAt(0, pageHeadBytes + metaBytes));
  const sizes = first === undefined ? pageSizes : [first.pageBytes];
  let newest = first;
  for (const size of sizes) {
    const other = metaIn(await readAt(size, pageHeadBytes + metaBytes));
    if (other === undefined || other.pageBytes !== size) continue;
    if (newest === undefined || other.transaction > newest.transaction) newest = other;
  }
  if (newest === undefined) throw new BoltError('neither of its two heads is sound');
  return newest;
}

/** 1 KiB to 64 KiB: of every machine that there is. */
const pageSizes = [1, 2, 4, 8, 16, 32, 64].map((kib) => kib * 1024);

function metaIn(bytes: Uint8Array): Meta | undefined {
  if (bytes.length < pageHeadBytes + metaBytes) return undefined;
  const view = viewOf(bytes.subarray(pageHeadBytes));
  if (view.getUint32(0, true) !== magic || view.getUint32(4, true) !== formatVersion) return undefined;
  if (
    view.getBigUint64(metaBytes - 8, true) !==
    fnv1a(bytes.subarray(pageHeadBytes, pageHeadBytes + metaBytes - 8))
  )
    return undefined;
  const pageBytes = view.getUint32(8, true);
  if (!pageSizes.includes(pageBytes)) return undefined;
  return { pageBytes, root: number(view, 16), end: number(view, 40), transaction: uint64(view, 48) };
}

/** The checksum of a head: 64-bit FNV-1a. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

async function readAll(readAt: ReadAt, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await readAt(offset, length);
  if (bytes.length < length) throw new BoltError(`the file ends before byte ${offset + length}`);
  return bytes;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function uint64(view: DataView, at: number): bigint {
  return view.getBigUint64(at, true);
}

/** The number of a page; one that a double does not hold is no page of any file. */
function number(view: DataView, at: number): number {
  const value = uint64(view, at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BoltError(`there is no page ${value}`);
  return Number(value);
}

function tooDeep(): BoltError {
  return new BoltError(`its tree is deeper than ${depthMax} pages`);
}
