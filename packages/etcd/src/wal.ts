/**
 * Whose a data directory is: the member and cluster id at the head of an etcd WAL segment, from the bytes alone.
 *
 * A segment is a row of frames: an 8-byte little-endian length, whose top byte says how many bytes of padding follow the
 * record, then a protobuf record of type, checksum and data. The first record carries the checksum of the segment
 * before, the second is the metadata. Checksums are CRC-32C and chained over the data of all records, so a torn or
 * altered head is told from a sound one. Entries are not read here, and nothing opens files.
 */
import type { ClusterId, MemberId } from './ids.js';
import { clusterIdFromUint64, memberIdFromUint64 } from './ids.js';

/** What the head of a WAL segment says. */
export type WalMetadata =
  | { readonly kind: 'ok'; readonly nodeId: MemberId; readonly clusterId: ClusterId }
  /** Nothing was ever written: no bytes, or only the zeros of a preallocated file. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'corrupt'; readonly why: string };

/** As much of a segment's head as has to be read from disk, in bytes; the metadata stands in the first hundred. */
export const walHeadBytes = 64 * 1024;

/** Whether a file in `member/wal` is a segment: not a lock, a temporary or a broken one that etcd set aside. */
export function isWalSegment(fileName: string): boolean {
  return /^[0-9a-f]{16}-[0-9a-f]{16}\.wal$/.test(fileName);
}

/** Reads the ids from the head of a segment, {@link walHeadBytes} or less of it. */
export function readWalMetadata(head: Uint8Array): WalMetadata {
  if (head.every((byte) => byte === 0)) return { kind: 'empty' };
  try {
    return readHead(head);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { kind: 'corrupt', why: error.message };
  }
}

const recordType = { metadata: 1n, crc: 4n };

function readHead(head: Uint8Array): WalMetadata {
  const first = readRecord(head, 0);
  if (first.type !== recordType.crc)
    throw new Malformed(`the first record is of type ${first.type}, not a checksum`);
  const second = readRecord(head, first.next);
  if (second.type !== recordType.metadata) {
    throw new Malformed(`the second record is of type ${second.type}, not the metadata`);
  }
  if (crc32c(second.data, first.crc) !== second.crc)
    throw new Malformed('the checksum of the metadata is wrong');
  const fields = readFields(second.data);
  const [node, cluster] = [fields.get(1), fields.get(2)];
  if (typeof node !== 'bigint' || typeof cluster !== 'bigint') {
    throw new Malformed('the metadata lacks the member or the cluster id');
  }
  return { kind: 'ok', nodeId: memberIdFromUint64(node), clusterId: clusterIdFromUint64(cluster) };
}

interface WalRecord {
  readonly type: bigint;
  readonly crc: number;
  readonly data: Uint8Array;
  /** Where the next frame begins. */
  readonly next: number;
}

function readRecord(head: Uint8Array, at: number): WalRecord {
  if (at + 8 > head.length) throw new Malformed(`cut off at byte ${at}`);
  const frame = new DataView(head.buffer, head.byteOffset + at, 8).getBigUint64(0, true);
  if (frame === 0n) throw new Malformed(`nothing but zeros from byte ${at}, before the metadata`);
  // The sign bit says that there is padding; the three bits at the bottom of that byte say how much.
  const padding = frame >> 63n === 1n ? Number((frame >> 56n) & 7n) : 0;
  const length = frame & 0x00ff_ffff_ffff_ffffn;
  if (length > BigInt(head.length - at - 8 - padding))
    throw new Malformed(`the record at byte ${at} is cut off`);
  const end = at + 8 + Number(length);
  const fields = readFields(head.subarray(at + 8, end));
  const [type, crc, data] = [fields.get(1), fields.get(2), fields.get(3)];
  if (typeof type !== 'bigint' || typeof crc !== 'bigint' || crc > 0xffff_ffffn || typeof data === 'bigint') {
    throw new Malformed(`the record at byte ${at} is not one of etcd's`);
  }
  return { type, crc: Number(crc), data: data ?? new Uint8Array(), next: end + padding };
}

/** The fields of a protobuf message that holds only varints and byte strings; the last one of a number counts. */
function readFields(bytes: Uint8Array): Map<number, bigint | Uint8Array> {
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const value = readVarint(bytes, tag.next);
    at = value.next;
    const field = Number(tag.value >> 3n);
    switch (Number(tag.value & 7n)) {
      case 0:
        fields.set(field, value.value);
        break;
      case 2:
        if (value.value > BigInt(bytes.length - at)) throw new Malformed('a field is longer than its record');
        fields.set(field, bytes.subarray(at, at + Number(value.value)));
        at += Number(value.value);
        break;
      default:
        throw new Malformed('a record holds a field of a kind that etcd does not write');
    }
  }
  return fields;
}

/** At most ten bytes hold a uint64. */
const varintBytesMax = 10;

function readVarint(bytes: Uint8Array, at: number): { value: bigint; next: number } {
  let value = 0n;
  for (let index = 0; index < varintBytesMax; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) {
      if (value > 0xffff_ffff_ffff_ffffn) break;
      return { value, next: at + index + 1 };
    }
  }
  throw new Malformed('a number in a record is cut off or too long');
}

/** CRC-32C (Castagnoli), continued from `seed`, the checksum of what came before. */
function crc32c(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (const byte of bytes) crc = (crc >>> 8) ^ castagnoli[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

class Malformed extends Error {}
