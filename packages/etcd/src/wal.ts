/**
 * Whose a data directory is: the member and cluster id at the head of an etcd WAL segment, from the bytes alone.
 *
 * The first record of a segment carries the checksum of the segment before, the second is the metadata. Checksums are
 * chained, so a torn or altered head is told from a sound one. What follows is read in wal-tail.ts.
 */
import { crc32c } from './crc32c.js';
import type { ClusterId, MemberId } from './ids.js';
import { clusterIdFromUint64, memberIdFromUint64 } from './ids.js';
import type { WalRecord } from './wal-record.js';
import {
  FieldReader,
  frameHeadBytes,
  Malformed,
  readFrameHead,
  readRecord,
  recordType,
} from './wal-record.js';

/** What the head of a WAL segment says. */
export type WalMetadata =
  | { readonly kind: 'ok'; readonly nodeId: MemberId; readonly clusterId: ClusterId }
  /** Nothing was ever written: no bytes, or only the zeros of a preallocated file. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'corrupt'; readonly why: string };

/** As much of a segment's head as has to be read from disk, in bytes; the metadata stands in the first hundred. */
export const walHeadBytes = 4 * 1024;

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

function readHead(head: Uint8Array): WalMetadata {
  const first = recordAt(head, 0);
  if (first.type !== recordType.crc)
    throw new Malformed(`the first record is of type ${first.type}, not a checksum`);
  const second = recordAt(head, first.next);
  if (second.type !== recordType.metadata) {
    throw new Malformed(`the second record is of type ${second.type}, not the metadata`);
  }
  if (crc32c(second.data, first.crc) !== second.crc)
    throw new Malformed('the checksum of the metadata is wrong');
  return idsOf(second.data);
}

function idsOf(metadata: Uint8Array): WalMetadata {
  let node: number | bigint | undefined;
  let cluster: number | bigint | undefined;
  for (const fields = new FieldReader(metadata); fields.next(); ) {
    if (fields.field === 1) node = fields.uint64();
    else if (fields.field === 2) cluster = fields.uint64();
  }
  if (node === undefined || cluster === undefined) {
    throw new Malformed('the metadata lacks the member or the cluster id');
  }
  return {
    kind: 'ok',
    nodeId: memberIdFromUint64(BigInt(node)),
    clusterId: clusterIdFromUint64(BigInt(cluster)),
  };
}

/** The record whose frame begins at `at`, and where the next frame begins. */
function recordAt(head: Uint8Array, at: number): WalRecord & { readonly next: number } {
  if (at + frameHeadBytes > head.length) throw new Malformed(`cut off at byte ${at}`);
  const frame = readFrameHead(head, at);
  if (frame === 'unwritten') throw new Malformed(`nothing but zeros from byte ${at}, before the metadata`);
  const end = at + frameHeadBytes + frame.length;
  if (end + frame.padding > head.length) throw new Malformed(`the record at byte ${at} is cut off`);
  return { ...readRecord(head.subarray(at + frameHeadBytes, end)), next: end + frame.padding };
}
