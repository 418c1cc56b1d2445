/**
 * What etcd 3.3 to 3.6 keeps in its database, `member/snap/db` or a snapshot of it, read without etcd: how far it goes, whose it
 * is, and the sum that `etcdctl snapshot status` prints.
 *
 * The database of a stopped member lacks the end of what that member has: entries that its WAL holds and that were not written
 * to it yet, up to a tenth of a second of them.
 */
import type { Alarm, Member } from './admin.js';
import { type BoltBucket, BoltError, BoltFile, bucketIn, lastTransaction, type ReadAt } from './bolt.js';
import { crc32c } from './crc32c.js';
import { memberId, memberIdFromUint64 } from './ids.js';
import { FieldReader, Malformed } from './wal-record.js';

/** All numbers are uint64 in decimal. */
export interface Backend {
  /** The store's revision: the newest key's, or that of the last compaction. */
  readonly revision: string;
  /** The last raft entry that changed it; "0" where it does not say. Entries that change no key may not count. */
  readonly consistentIndex: string;
  /** The term of that entry; "0" from servers older than 3.5. */
  readonly term: string;
  readonly members: readonly BackendMember[];
  /** Such as "3.4.0"; undefined where the cluster had not agreed on one yet. */
  readonly clusterVersion: string | undefined;
  readonly alarms: readonly Alarm[];
}

/** A row of the member list. Client URLs are left out: some 3.5 versions do not write them there (seen with 3.5.16). */
export type BackendMember = Pick<Member, 'id' | 'name' | 'peerURLs' | 'role'>;

/** More members than any cluster has are not read: a damaged file could claim millions. */
const membersMax = 100;
const alarmsMax = 100;

/** Reads a few pages only. Throws {@link BoltError} where the file is not etcd's, or damaged there. */
export async function readBackend(readAt: ReadAt): Promise<Backend> {
  try {
    const before = await lastTransaction(readAt);
    const backend = await readParts(readAt);
    if (before !== (await lastTransaction(readAt)))
      throw new BoltError('it was written to while it was read');
    return backend;
  } catch (error) {
    // An id or a message that cannot be one.
    if (error instanceof RangeError || error instanceof Malformed) throw new BoltError(error.message);
    throw error;
  }
}

async function readParts(readAt: ReadAt): Promise<Backend> {
  const file = await BoltFile.open(readAt);
  const [keys, meta] = await Promise.all([file.bucket('key'), file.bucket('meta')]);
  if (keys === undefined || meta === undefined) throw new BoltError('it is no database of etcd');
  const [newest, compacted, index, term] = await Promise.all([
    file.last(keys),
    file.get(meta, 'finishedCompactRev'),
    file.get(meta, 'consistent_index'),
    file.get(meta, 'term'),
  ]);
  const revisions = [revisionOf(newest?.key), revisionOf(compacted), 1n];
  return {
    revision: String(revisions.reduce((a, b) => (a > b ? a : b))),
    consistentIndex: String(bigEndian(index)),
    term: String(bigEndian(term)),
    members: await membersIn(file),
    clusterVersion: await clusterVersionIn(file),
    alarms: await alarmsIn(file),
  };
}

/** What `etcdctl snapshot status` says of the same file. */
export interface BackendSum {
  /** CRC-32C over the names of all buckets and everything in them. */
  readonly hash: number;
  /** Entries of all buckets. */
  readonly totalKeys: number;
  readonly revision: string;
}

/** Goes through the whole file: some seconds for each gigabyte. Throws {@link BoltError} at the first damage. */
export async function sumBackend(readAt: ReadAt): Promise<BackendSum> {
  const file = await BoltFile.open(readAt);
  let hash = 0;
  let totalKeys = 0;
  let revision = 0n;
  for await (const bucket of file.entries(file.root)) {
    if (!bucket.isBucket) throw new BoltError('there is a key outside of every bucket');
    hash = crc32c(bucket.key, hash);
    const isKeys = Buffer.from(bucket.key).toString() === 'key';
    for await (const { key, value } of file.entries(bucketIn(bucket))) {
      hash = crc32c(value, crc32c(key, hash));
      totalKeys += 1;
      if (isKeys) revision = revisionOf(key);
    }
  }
  return { hash, totalKeys, revision: String(revision) };
}

async function membersIn(file: BoltFile): Promise<BackendMember[]> {
  const members: BackendMember[] = [];
  for await (const { key, value } of entriesOf(file, 'members', membersMax)) {
    const row = parseJson(value) as Partial<Record<string, unknown>>;
    members.push({
      // Its number in the JSON is one that JavaScript would round.
      id: memberId(Buffer.from(key).toString('latin1')),
      name: typeof row.name === 'string' ? row.name : '',
      peerURLs: textsOf(row.peerURLs),
      role: row.isLearner === true ? 'learner' : 'voter',
    });
  }
  return members;
}

async function clusterVersionIn(file: BoltFile): Promise<string | undefined> {
  const cluster = await file.bucket('cluster');
  const version = cluster === undefined ? undefined : await file.get(cluster, 'clusterVersion');
  return version === undefined ? undefined : Buffer.from(version.subarray(0, 40)).toString();
}

async function alarmsIn(file: BoltFile): Promise<Alarm[]> {
  const alarms: Alarm[] = [];
  for await (const { key } of entriesOf(file, 'alarm', alarmsMax)) {
    let [whose, type] = [0n, 0n];
    for (const fields = new FieldReader(key); fields.next(); ) {
      if (fields.field === 1) whose = BigInt(fields.uint64());
      else if (fields.field === 2) type = BigInt(fields.uint64());
    }
    const name = type === 1n ? 'NOSPACE' : type === 2n ? 'CORRUPT' : `alarm ${type}`;
    alarms.push({ memberId: memberIdFromUint64(whose), type: name });
  }
  return alarms;
}

async function* entriesOf(file: BoltFile, name: string, max: number) {
  const bucket: BoltBucket | undefined = await file.bucket(name);
  if (bucket === undefined) return;
  let count = 0;
  for await (const entry of file.entries(bucket)) {
    count += 1;
    if (count > max) throw new BoltError(`there are more than ${max} ${name}`);
    yield entry;
  }
}

/** The main revision in the key of a key: 8 bytes, an underscore, 8 bytes for the place in its transaction. */
function revisionOf(key: Uint8Array | undefined): bigint {
  return key === undefined || key.length < 17 ? 0n : bigEndian(key.subarray(0, 8));
}

function bigEndian(bytes: Uint8Array | undefined): bigint {
  return bytes === undefined || bytes.length !== 8 ? 0n : Buffer.from(bytes).readBigUInt64BE();
}

function parseJson(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new BoltError('a member in it is not JSON');
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
