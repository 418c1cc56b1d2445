/**
 * How far a member had come: the last hard state and the last entry of its WAL, from the bytes of its newest segments.
 *
 * Bytes are fed in any portions and none are kept, so that segments of 64 MiB need little memory. Every checksum is
 * verified. What may be missing at the end is judged as etcd judges it: a last record that is cut off, or of which a
 * sector was never written, is `torn`, and etcd drops it when it starts; anything else that does not fit is `corrupt`,
 * and etcd refuses to start. Nothing here opens files: which segments there are is the caller's to find.
 */
import { crc32c } from './crc32c.js';
import type { WalRecord } from './wal-record.js';
import {
  FieldReader,
  frameHeadBytes,
  Malformed,
  readFrameHead,
  readRecord,
  recordType,
} from './wal-record.js';

/** A place in a raft log. Both are uint64 in decimal. */
export interface RaftPosition {
  readonly term: string;
  readonly index: string;
}

/** How far a WAL goes. All numbers are uint64 in decimal, "0" where nothing was recorded yet. */
export interface WalPosition {
  /** The term and the commit index of the last hard state: what this member has promised. */
  readonly term: string;
  readonly commit: string;
  /** The last entry, or the last snapshot where that goes further. */
  readonly lastTerm: string;
  readonly lastIndex: string;
}

export type WalTail =
  /** `torn`: the end is a write that never finished; the position is that before it. */
  | ({ readonly kind: 'position'; readonly torn: boolean } & WalPosition)
  /** Nothing was ever written: no bytes, or only the zeros of a preallocated file. */
  | { readonly kind: 'empty' }
  /** `before` is the position of what could be read before the damage. */
  | { readonly kind: 'corrupt'; readonly why: string; readonly before?: WalPosition };

/** The longest record that is waited for. One that claims to be longer than a whole segment goes beyond its end. */
const walRecordBytesMax = 64 * 1024 * 1024;

/**
 * Reads the newest segments of one WAL, oldest first; the last two are enough, because the newest may have been cut a
 * moment ago and hold no entry. Feed the bytes of the first, call `nextSegment`, feed the second, then `end`.
 */
export class WalTailReader {
  private readonly log = new LogEnd();
  /** The checksum of all data so far. A reader that has just begun takes over that of the first record. */
  private crc: number | undefined;
  /** Bytes of a frame that has not come in full, and how many it takes until it has. */
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private wantedBytes = frameHeadBytes;
  /** Where in the segment the first pending byte stands. */
  private offset = 0;
  /** What follows in this segment was never written, or cannot be read. */
  private stopped: 'no' | 'unwritten' | { readonly torn: boolean; readonly why: string } = 'no';

  /** The next bytes of the segment. The reader keeps none of them after `feed` returns. */
  feed(chunk: Uint8Array): void {
    if (this.stopped === 'unwritten' && !isZero(chunk)) {
      // etcd takes the zeros for the end and clears what follows: writes that reached the disk out of order.
      this.stopped = { torn: true, why: 'there are records behind a hole' };
    }
    if (this.stopped !== 'no') return;
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    if (this.pendingBytes < this.wantedBytes) {
      this.pending[this.pending.length - 1] = new Uint8Array(chunk);
      return;
    }
    const bytes = this.pending.length === 1 ? chunk : Buffer.concat(this.pending);
    const used = this.readFrames(bytes);
    this.pending = used < bytes.length ? [new Uint8Array(bytes.subarray(used))] : [];
    this.pendingBytes = bytes.length - used;
    this.offset += used;
    this.lookBehindTheEnd();
  }

  /** Says that the segment fed so far has come to its end and is not the newest one. */
  nextSegment(): void {
    const broken = this.brokenEnd();
    // Only the newest segment is ever written to, so that only there a write can be unfinished.
    if (broken !== undefined)
      this.stopped = { torn: false, why: `${broken.why}, and a later segment follows` };
    if (typeof this.stopped === 'object') return;
    this.stopped = 'no';
    this.pending = [];
    this.pendingBytes = 0;
    this.wantedBytes = frameHeadBytes;
    this.offset = 0;
  }

  /** What the segments fed say. Call it once, after the newest. */
  end(): WalTail {
    const broken = this.brokenEnd();
    const position = this.log.position();
    if (this.crc === undefined) {
      if (broken === undefined) return { kind: 'empty' };
      return { kind: 'corrupt', why: broken.why };
    }
    if (broken !== undefined && !broken.torn) return { kind: 'corrupt', why: broken.why, before: position };
    return { kind: 'position', torn: broken !== undefined, ...position };
  }

  private brokenEnd(): { readonly torn: boolean; readonly why: string } | undefined {
    if (typeof this.stopped === 'object') return this.stopped;
    if (this.stopped === 'unwritten' || this.pending.every(isZero)) return undefined;
    return { torn: true, why: `the record at byte ${this.offset} is cut off` };
  }

  /** Reads all frames that are there in full; says how many bytes they take. */
  private readFrames(bytes: Uint8Array): number {
    let at = 0;
    while (bytes.length - at >= frameHeadBytes) {
      const head = readFrameHead(bytes, at);
      if (head === 'unwritten') {
        this.stopped = head;
        return at;
      }
      const { length, padding } = head;
      if (length > walRecordBytesMax) {
        // etcd cuts off from here since 3.5, as for any record that goes beyond the end; older ones refuse to start.
        this.stopped = { torn: true, why: `the record at byte ${this.offset + at} claims ${length} bytes` };
        return at;
      }
      this.wantedBytes = frameHeadBytes + length + padding;
      if (bytes.length - at < this.wantedBytes) return at;
      const frame = bytes.subarray(at + frameHeadBytes, at + this.wantedBytes);
      const why = this.problemOf(frame, length);
      if (why !== undefined) {
        const torn = hasUnwrittenSector(frame, this.offset + at + frameHeadBytes);
        this.stopped = { torn, why: `the record at byte ${this.offset + at}: ${why}` };
        return at;
      }
      at += this.wantedBytes;
      this.wantedBytes = frameHeadBytes;
    }
    return at;
  }

  /** Takes the record in; or says why it cannot be one. */
  private problemOf(frame: Uint8Array, length: number): string | undefined {
    return malformation(() => this.take(readRecord(frame.subarray(0, length))));
  }

  private take({ type, crc, data }: WalRecord): void {
    if (type === recordType.crc) {
      if (this.crc !== undefined && crc !== this.crc)
        throw new Malformed('it does not continue what came before');
      this.crc = crc;
      return;
    }
    if (this.crc === undefined) throw new Malformed('the first record is not a checksum');
    const sum = crc32c(data, this.crc);
    if (sum !== crc) throw new Malformed('its checksum is wrong');
    this.crc = sum;
    this.log.take(type, data);
  }

  /** Takes the rest of a portion in which the written part ended for what it is. */
  private lookBehindTheEnd(): void {
    if (this.stopped !== 'unwritten') return;
    const rest = this.pending;
    this.pending = [];
    this.pendingBytes = 0;
    for (const bytes of rest) this.feed(bytes);
  }
}

/** A number as it was read: bigint only where a double would not hold it. The two compare and print alike. */
type Uint64 = number | bigint;

/** The last hard state, entry and snapshot. */
class LogEnd {
  private term: Uint64 = 0;
  private commit: Uint64 = 0;
  private entry: { readonly term: Uint64; readonly index: Uint64 } = { term: 0, index: 0 };
  private snapshot = this.entry;
  private metadata: Buffer | undefined;

  take(type: number, data: Uint8Array): void {
    if (type === recordType.entry) {
      // An entry replaces those of its index and above: the last one written is the end of the log.
      const [, term, index] = firstThree(data);
      this.entry = { term, index };
    } else if (type === recordType.state) {
      const [term, , commit] = firstThree(data);
      this.term = term;
      this.commit = commit;
    } else if (type === recordType.snapshot) {
      const [index, term] = firstThree(data);
      this.snapshot = { term, index };
    } else if (type === recordType.metadata) {
      // Every segment repeats it.
      this.metadata ??= Buffer.from(data);
      if (!this.metadata.equals(data)) throw new Malformed('the metadata is not that of the WAL’s beginning');
    } else {
      throw new Malformed(`it is of the unknown type ${type}`);
    }
  }

  position(): WalPosition {
    const last = this.snapshot.index > this.entry.index ? this.snapshot : this.entry;
    return {
      term: String(this.term),
      commit: String(this.commit),
      lastTerm: String(last.term),
      lastIndex: String(last.index),
    };
  }
}

/** The numbers in the fields 1 to 3 of a message; zero where one is absent or a string, as protobuf has it. */
function firstThree(message: Uint8Array): [Uint64, Uint64, Uint64] {
  const numbers: [Uint64, Uint64, Uint64] = [0, 0, 0];
  for (const fields = new FieldReader(message); fields.next(); ) {
    if (fields.field <= 3 && fields.isNumber) numbers[fields.field - 1] = fields.uint64();
  }
  return numbers;
}

/** What is wrong with the bytes that `read` reads, if anything. */
function malformation(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return error.message;
  }
}

/** Disks write whole sectors of at least this many bytes. */
const sectorBytes = 512;

/** Whether a sector of the record, which stands at `offset` of its file, holds nothing but zeros: it was never written. */
function hasUnwrittenSector(record: Uint8Array, offset: number): boolean {
  let at = 0;
  while (at < record.length) {
    const end = Math.min(record.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (isZero(record.subarray(at, end))) return true;
    at = end;
  }
  return false;
}

const zeros = Buffer.alloc(64 * 1024);

/**
 * Most of a segment is zeros, tens of megabytes of them. They are compared in native code: a loop over the bytes takes a
 * second and more a segment where V8 does not optimise, as in an agent.
 */
function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}

/** Negative, zero or positive as `a` is older than, the same as, or newer than `b`: by term first, as raft compares logs. */
export function comparePositions(a: RaftPosition, b: RaftPosition): number {
  const [terms, indexes] = [BigInt(a.term) - BigInt(b.term), BigInt(a.index) - BigInt(b.index)];
  return Number(terms === 0n ? (indexes > 0n ? 1n : indexes < 0n ? -1n : 0n) : terms > 0n ? 1n : -1n);
}

/**
 * Whether a WAL lacks what its member is known to have had: a term that it has been seen in, or an entry that it has been
 * seen to have applied. Neither can go back unless the disk did; the two are compared each for itself.
 */
export function isBehind(wal: WalPosition, seen: RaftPosition): boolean {
  return BigInt(wal.term) < BigInt(seen.term) || BigInt(wal.lastIndex) < BigInt(seen.index);
}
