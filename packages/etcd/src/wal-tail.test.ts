import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.js';
import { comparePositions, isBehind, type WalPosition, type WalTail, WalTailReader } from './wal-tail.js';

/** Writes segments as etcd does, so that a test can say what is in them. */
class SegmentWriter {
  private bytes = Buffer.alloc(0);
  private crc: number;
  /** Where each record ends, and how far the log had come by then. */
  readonly ends: { readonly at: number; readonly position: WalTail }[] = [];
  private state = { term: 0, commit: 0 };
  private last = { term: 0, index: 0 };

  constructor(before?: SegmentWriter) {
    this.crc = before?.crc ?? 0;
    if (before !== undefined) {
      this.last = before.last;
      this.state = before.state;
    }
    this.frame(4, this.crc, undefined);
    this.record(1, Buffer.from('0801100a', 'hex'));
  }

  hardState(term: number, commit: number): this {
    this.state = { term, commit };
    return this.record(3, Buffer.concat([field(1, term), field(2, 1), field(3, commit)]));
  }

  entry(term: number, index: number, payload: Uint8Array = Buffer.from('payload')): this {
    this.last = { term, index };
    const head = [field(1, 0), field(2, term), field(3, index)];
    return this.record(2, Buffer.concat([...head, varint(0x22), varint(payload.length), payload]));
  }

  snapshot(term: number, index: number): this {
    if (index > this.last.index) this.last = { term, index };
    return this.record(5, Buffer.concat([field(1, index), field(2, term)]));
  }

  /** A record whose checksum is right and whose content is not etcd's. */
  nonsense(): this {
    return this.record(2, Buffer.from('ff', 'hex'));
  }

  done(preallocatedBytes = 0): Buffer {
    return Buffer.concat([this.bytes, Buffer.alloc(preallocatedBytes)]);
  }

  private record(type: number, data: Buffer): this {
    this.crc = crc32c(data, this.crc);
    return this.frame(type, this.crc, data);
  }

  private frame(type: number, crc: number, data: Buffer | undefined): this {
    const body = Buffer.concat([
      varint(0x08),
      varint(type),
      varint(0x10),
      varint(crc),
      ...(data === undefined ? [] : [varint(0x1a), varint(data.length), data]),
    ]);
    const padding = (8 - (body.length % 8)) % 8;
    const head = Buffer.alloc(8);
    head.writeUInt32LE(body.length);
    if (padding > 0) head[7] = 0x80 | padding;
    this.bytes = Buffer.concat([this.bytes, head, body, Buffer.alloc(padding)]);
    this.ends.push({ at: this.bytes.length, position: this.position() });
    return this;
  }

  position(torn = false): WalTail {
    const { term, commit } = this.state;
    const { term: lastTerm, index: lastIndex } = this.last;
    return {
      kind: 'position',
      torn,
      term: `${term}`,
      commit: `${commit}`,
      lastTerm: `${lastTerm}`,
      lastIndex: `${lastIndex}`,
    };
  }
}

function positionOf(tail: WalTail | undefined): WalPosition {
  if (tail?.kind !== 'position') return { term: '0', commit: '0', lastTerm: '0', lastIndex: '0' };
  const { term, commit, lastTerm, lastIndex } = tail;
  return { term, commit, lastTerm, lastIndex };
}

function field(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** Reads segments, each in portions of that many bytes. */
function read(segments: readonly Uint8Array[], portionBytes = 1 << 20): WalTail {
  const reader = new WalTailReader();
  segments.forEach((segment, index) => {
    if (index > 0) reader.nextSegment();
    for (let at = 0; at < segment.length; at += portionBytes) {
      const portion = new Uint8Array(segment.subarray(at, at + portionBytes));
      reader.feed(portion);
      portion.fill(0xee);
    }
  });
  return reader.end();
}

function sample(): SegmentWriter {
  const writer = new SegmentWriter().snapshot(0, 0).hardState(1, 0);
  for (let index = 1; index <= 20; index++) writer.entry(2, index, Buffer.alloc(30 * index, index));
  return writer.hardState(3, 19).entry(3, 21);
}

describe('how far a WAL goes', () => {
  it('is its last hard state and its last entry', () => {
    const expected = { term: '3', commit: '19', lastTerm: '3', lastIndex: '21' };
    expect(read([sample().done(1024)])).toEqual({ kind: 'position', torn: false, ...expected });
    expect(read([sample().done()])).toEqual({ kind: 'position', torn: false, ...expected });
  });

  it('is the same in whatever portions it is read', () => {
    const segment = sample().done(512);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: segment.length }), (portionBytes) => {
        expect(read([segment], portionBytes)).toEqual(sample().position());
      }),
    );
  });

  it('goes back where a new leader replaced entries, and not below a snapshot', () => {
    const rewritten = sample().hardState(4, 19).entry(4, 20);
    expect(read([rewritten.done()])).toMatchObject({ lastTerm: '4', lastIndex: '20' });
    const received = sample().snapshot(5, 900);
    expect(read([received.done()])).toMatchObject({ lastTerm: '5', lastIndex: '900' });
    expect(read([received.entry(5, 901).done()])).toMatchObject({ lastTerm: '5', lastIndex: '901' });
    expect(read([sample().snapshot(2, 10).done()])).toMatchObject({ lastTerm: '3', lastIndex: '21' });
  });

  it('is found in the segment before when the newest was cut a moment ago', () => {
    const older = sample();
    const newest = new SegmentWriter(older).hardState(3, 21);
    const both = [older.done(), newest.done(4096)];
    expect(read(both)).toEqual({
      kind: 'position',
      torn: false,
      term: '3',
      commit: '21',
      lastTerm: '3',
      lastIndex: '21',
    });
    expect(read([both[1]!])).toMatchObject({ kind: 'position', lastIndex: '0' });
  });

  it('keeps numbers exact beyond what a double holds', () => {
    const writer = new SegmentWriter().hardState(2 ** 60, 2 ** 55).entry(2 ** 60, 2 ** 62);
    expect(read([writer.done()])).toMatchObject({
      term: '1152921504606846976',
      lastIndex: '4611686018427387904',
    });
  });

  it('is nowhere before anything was written', () => {
    expect(read([])).toEqual({ kind: 'empty' });
    expect(read([new Uint8Array(5), new Uint8Array(4096)])).toEqual({ kind: 'empty' });
  });
});

describe('the unfinished end of a WAL', () => {
  const writer = sample();
  const segment = writer.done();

  it('cut anywhere, gives the position before the cut, as torn', () => {
    fc.assert(
      fc.property(fc.integer({ min: writer.ends[1]!.at, max: segment.length }), (cut) => {
        const { at, position } = writer.ends.filter((each) => each.at <= cut).at(-1)!;
        expect(read([segment.subarray(0, cut)])).toEqual({ ...position, torn: cut !== at });
      }),
    );
  });

  it('with zeros from some sector on, gives the position before, as torn where a record was begun', () => {
    const sectors = Math.floor(segment.length / 512);
    for (let sector = 1; sector < sectors; sector++) {
      const zeroed = Buffer.concat([segment.subarray(0, sector * 512), Buffer.alloc(8192)]);
      const { at, position } = writer.ends.filter((each) => each.at <= sector * 512).at(-1)!;
      const tail = read([zeroed]);
      expect(tail, `sector ${sector}`).toMatchObject({ ...position, torn: at !== sector * 512 });
    }
  });

  it('with records behind a hole, is torn: etcd reads up to the hole', () => {
    const { at, position } = writer.ends[10]!;
    const hole = Buffer.from(segment);
    hole.fill(0, at, at + 16);
    expect(read([hole])).toEqual({ ...position, torn: true });
    expect(read([hole], 64)).toEqual({ ...position, torn: true });
  });

  it('is corrupt in a segment that is not the newest', () => {
    const next = new SegmentWriter(writer).done();
    const tail = read([segment.subarray(0, segment.length - 3), next]);
    expect(tail).toMatchObject({
      kind: 'corrupt',
      why: expect.stringMatching(/cut off, and a later segment/),
    });
  });
});

describe('a damaged WAL', () => {
  const writer = sample();
  const segment = writer.done(2048);
  const written = writer.done().length;

  it('is never taken for one that goes further, or as far, when a bit is flipped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: written * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(segment);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const hit = writer.ends.findIndex(({ at }) => at > bit >> 3);
        // The type of a record is the one thing in it that no checksum covers.
        fc.pre(bit >> 3 !== (writer.ends[hit - 1]?.at ?? 0) + 9);
        // In padding or a length, it leaves its own record whole, and is met only behind it.
        const possible = [hit - 1, hit].map((at) => positionOf(writer.ends[at]?.position));
        const tail = read([flipped], 300);
        if (tail.kind === 'corrupt') {
          if (tail.before !== undefined) expect(possible).toContainEqual(tail.before);
        } else if (JSON.stringify(tail) !== JSON.stringify(writer.position())) {
          // The rest is what etcd would cut off.
          expect(tail).toMatchObject({ kind: 'position', torn: true });
          expect(possible).toContainEqual(positionOf(tail));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is corrupt when the payload of an entry in the middle is not what was written', () => {
    const flipped = Buffer.from(segment);
    const { at, position } = writer.ends[8]!;
    flipped[at + 60]! ^= 4;
    const before = positionOf(position);
    expect(read([flipped])).toEqual({
      kind: 'corrupt',
      why: expect.stringMatching(/checksum is wrong/),
      before,
    });
  });

  it('is corrupt when a segment is missing between two, or when the first is not a segment', () => {
    const [first, second] = [sample(), new SegmentWriter()];
    const third = new SegmentWriter(new SegmentWriter(first).entry(3, 22));
    expect(read([first.done(), third.done()])).toMatchObject({
      kind: 'corrupt',
      why: expect.stringMatching(/does not continue/),
    });
    expect(read([first.done(), second.done()])).toMatchObject({
      kind: 'corrupt',
      why: expect.stringMatching(/does not continue/),
    });
    expect(read([first.done().subarray(first.ends[0]!.at)])).toEqual({
      kind: 'corrupt',
      why: expect.stringMatching(/first record/),
    });
  });

  it('is corrupt when a record is of no known type, or belongs to another member', () => {
    const { at } = writer.ends[8]!;
    for (const [type, why] of [
      [7, /unknown type 7/],
      [1, /metadata/],
    ] as const) {
      const retyped = Buffer.from(segment);
      retyped[at + 9] = type;
      expect(read([retyped])).toMatchObject({ kind: 'corrupt', why: expect.stringMatching(why) });
    }
  });

  it('is corrupt when a record is right by its checksum and still not an entry', () => {
    const tail = read([sample().nonsense().done()]);
    expect(tail).toMatchObject({ kind: 'corrupt', before: { lastIndex: '21' } });
  });

  it('is read to some answer, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read([bytes, bytes], 7)));
  });
});

describe('positions in a raft log', () => {
  it('compare by term, then by index, as numbers', () => {
    const at = (term: string, index: string) => ({ term, index });
    expect(comparePositions(at('2', '9'), at('2', '10'))).toBeLessThan(0);
    expect(comparePositions(at('10', '1'), at('9', '100'))).toBeGreaterThan(0);
    expect(comparePositions(at('3', '18446744073709551615'), at('3', '18446744073709551615'))).toBe(0);
    expect(comparePositions(at('3', '18446744073709551615'), at('3', '18446744073709551614'))).toBe(1);
  });

  it('a WAL is behind what was seen of its member when either number is lower', () => {
    const wal = { term: '5', commit: '90', lastTerm: '4', lastIndex: '100' };
    expect(isBehind(wal, { term: '5', index: '100' })).toBe(false);
    expect(isBehind(wal, { term: '4', index: '99' })).toBe(false);
    expect(isBehind(wal, { term: '6', index: '1' })).toBe(true);
    expect(isBehind(wal, { term: '5', index: '101' })).toBe(true);
    expect(isBehind(wal, { term: '4', index: '101' })).toBe(true);
  });
});

describe('the checksum of a WAL', () => {
  it('is CRC-32C, and the same in one go and in parts', () => {
    expect(crc32c(Buffer.from('123456789'), 0)).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32), 0)).toBe(0x8a9136aa);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const first = crc32c(bytes.subarray(0, cut), 0);
        expect(crc32c(bytes.subarray(cut), first)).toBe(crc32c(bytes, 0));
      }),
    );
  });
});
