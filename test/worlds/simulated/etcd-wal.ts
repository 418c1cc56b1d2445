/**
 * The bytes of one WAL segment for a simulated disk: what production code reads of it, which is whose it is, the hard
 * state and the newest entry. A row of frames, an 8-byte length each, then a protobuf record of type, checksum and data;
 * checksums are CRC-32C, chained over the data of all records.
 */
import { type EtcdDisk, lastOf } from './etcd-disk.js';

const recordType = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 };

/** A segment that ends with the disk's newest entry and hard state; zeros follow, as in a preallocated file. */
export function encodeWal(disk: EtcdDisk): Uint8Array {
  const last = lastOf(disk);
  const { term, vote, commit } = disk.hardState;
  let crc = 0;
  const frames: Uint8Array[] = [];
  const add = (type: number, data: Uint8Array | undefined) => {
    if (data !== undefined) crc = crc32c(data, crc);
    frames.push(framed(record(type, crc, data)));
  };
  add(recordType.crc, undefined);
  add(recordType.metadata, message([1, BigInt(`0x${disk.memberId}`)], [2, BigInt(`0x${disk.clusterId}`)]));
  add(recordType.snapshot, message([1, 0n], [2, 0n]));
  if (last.index > 0)
    add(recordType.entry, message([1, 0n], [2, BigInt(last.term)], [3, BigInt(last.index)]));
  if (term > 0) {
    const candidate = BigInt(vote === undefined ? 0 : `0x${vote}`);
    add(recordType.state, message([1, BigInt(term)], [2, candidate], [3, BigInt(commit)]));
  }
  return Buffer.concat([...frames, new Uint8Array(preallocatedBytes)]);
}

/** As much of the zeros as shows that there are some. */
const preallocatedBytes = 512;

function record(type: number, crc: number, data: Uint8Array | undefined): Uint8Array {
  const head = message([1, BigInt(type)], [2, BigInt(crc)]);
  return data === undefined
    ? head
    : Buffer.concat([head, Buffer.from([(3 << 3) | 2]), varint(BigInt(data.length)), data]);
}

/** Records are padded to eight bytes, and the length's top byte says by how many. */
function framed(bytes: Uint8Array): Uint8Array {
  const padding = (8 - (bytes.length % 8)) % 8;
  const frame = Buffer.alloc(8 + bytes.length + padding);
  frame.writeBigUInt64LE(BigInt(bytes.length) | (padding === 0 ? 0n : BigInt(0x80 | padding) << 56n));
  frame.set(bytes, 8);
  return frame;
}

/** A protobuf message of varint fields. */
function message(...fields: readonly (readonly [number: number, value: bigint])[]): Uint8Array {
  return Buffer.concat(fields.flatMap(([number, value]) => [Buffer.from([number << 3]), varint(value)]));
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left === 0n ? low : low | 0x80);
  } while (left !== 0n);
  return Uint8Array.from(bytes);
}

function crc32c(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
