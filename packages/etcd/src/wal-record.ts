/**
 * How etcd's WAL is cut into records, for whoever reads its head or its tail.
 *
 * A segment is a row of frames: an 8-byte little-endian length, whose top byte says how many bytes of padding follow the
 * record, then a protobuf record of type, checksum and data. Checksums are CRC-32C and chained over the data of all
 * records, from segment to segment; the first record of a segment repeats the checksum so far. What a frame of length
 * zero begins was never written: segments are allocated in advance. Nothing here opens files or keeps a position.
 */

/** The types of records that etcd writes. */
export const recordType = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 } as const;

/** The length field before each record, in bytes. */
export const frameHeadBytes = 8;

/** Bytes that are not what etcd writes; the message says how. */
export class Malformed extends Error {}

/** What the length field at `at` says, both in bytes; or that there is none, so that nothing was written from there on. */
export function readFrameHead(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly padding: number } | 'unwritten' {
  const low = uint32At(bytes, at);
  const high = uint32At(bytes, at + 4);
  if (low === 0 && high === 0) return 'unwritten';
  // The sign bit says that there is padding; the three bits at the bottom of that byte say how much.
  const padding = high >>> 31 === 1 ? (high >>> 24) & 7 : 0;
  return { length: (high & 0x00ff_ffff) * 2 ** 32 + low, padding };
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** One record. `data` is a view of the bytes it was read from. */
export interface WalRecord {
  readonly type: number;
  readonly crc: number;
  readonly data: Uint8Array;
}

/** Reads a record from exactly its bytes. Throws {@link Malformed}. */
export function readRecord(bytes: Uint8Array): WalRecord {
  let type: number | bigint | undefined;
  let crc: number | bigint | undefined;
  let data: Uint8Array = noBytes;
  for (const fields = new FieldReader(bytes); fields.next(); ) {
    if (fields.field === 1) type = fields.uint64();
    else if (fields.field === 2) crc = fields.uint64();
    else if (fields.field === 3) data = fields.bytes();
  }
  if (typeof type !== 'number' || typeof crc !== 'number' || crc > 0xffff_ffff) {
    throw new Malformed('it is not a record of etcd');
  }
  return { type, crc, data };
}

const noBytes = new Uint8Array();

/**
 * Goes through the fields of a protobuf message that holds only varints and byte strings. A segment has half a million
 * records, so that numbers are bigint only where a double would not hold them, and nothing is collected.
 */
export class FieldReader {
  /** The number of the field that `next` has come to. */
  field = 0;
  private at = 0;
  private number: number | bigint = 0;
  private string: Uint8Array | undefined;

  constructor(private readonly message: Uint8Array) {}

  /** Goes on to the next field; false when there is none. Throws {@link Malformed}. */
  next(): boolean {
    if (this.at >= this.message.length) return false;
    const tag = this.varint();
    if (typeof tag !== 'number' || tag < 8 || tag > 0xffff)
      throw new Malformed('a field has a number that etcd does not use');
    this.field = tag >>> 3;
    this.number = this.varint();
    this.string = undefined;
    if ((tag & 7) === 2) {
      if (this.number > this.message.length - this.at)
        throw new Malformed('a field is longer than its record');
      const end = this.at + Number(this.number);
      this.string = this.message.subarray(this.at, end);
      this.at = end;
    } else if ((tag & 7) !== 0) {
      throw new Malformed('a record holds a field of a kind that etcd does not write');
    }
    return true;
  }

  get isNumber(): boolean {
    return this.string === undefined;
  }

  uint64(): number | bigint {
    if (this.string !== undefined) throw new Malformed(`field ${this.field} of a record is not a number`);
    return this.number;
  }

  bytes(): Uint8Array {
    if (this.string === undefined) throw new Malformed(`field ${this.field} of a record is a number`);
    return this.string;
  }

  private varint(): number | bigint {
    let value = 0;
    let factor = 1;
    for (let length = 1; length <= exactVarintBytes; length++) {
      const byte = this.message[this.at++];
      if (byte === undefined) throw new Malformed('a number in a record is cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    return this.longVarint(value);
  }

  private longVarint(low: number): bigint {
    let value = BigInt(low);
    for (let length = exactVarintBytes; length < varintBytesMax; length++) {
      const byte = this.message[this.at++];
      if (byte === undefined) throw new Malformed('a number in a record is cut off');
      value |= BigInt(byte & 0x7f) << BigInt(7 * length);
      if (byte >= 0x80) continue;
      if (value <= 0xffff_ffff_ffff_ffffn) return value;
      break;
    }
    throw new Malformed('a number in a record is too long');
  }
}

/** Seven bytes of a varint hold 49 bits, which a double holds exactly; ten hold a uint64. */
const exactVarintBytes = 7;
const varintBytesMax = 10;
