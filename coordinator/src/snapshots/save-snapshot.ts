/**
 * Streams a snapshot from one member into a file. The file has its name only when it is whole: all of it on the disk, the
 * seal that etcd puts at its end right, its revision read. Whatever goes wrong before leaves nothing behind.
 */
import { join } from 'node:path';
import { connectSnapshots, EtcdError, SnapshotDigest } from '@etcd-agent/etcd';
import { FileError, GrowingFile, grpcStream, linuxFiles } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { backendOf } from './snapshot-file.js';

/** No piece for so long: the member hangs, or the line is dead. */
const stallMsMax = 30_000;
const callMsMax = 10_000;

export interface SaveOrder {
  readonly endpoint: string;
  /** The member's node. */
  readonly node: string;
  readonly credentials: AdminCredentials;
  readonly directory: string;
  /** Names the file once its revision is known. */
  readonly nameOf: (revision: string) => string;
  readonly onProgress: (received: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface SavedSnapshot {
  readonly file: string;
  readonly node: string;
  readonly revision: string;
  /** Keys at that revision; null where it was compacted before they were counted. */
  readonly keys: number | null;
  readonly bytes: number;
  readonly sha256: string;
  readonly at: string;
}

/** Throws Failure. Works on a member without quorum, too: it is what that member has. */
export async function saveSnapshot(order: SaveOrder): Promise<SavedSnapshot> {
  const { endpoint, node, credentials, directory } = order;
  const at = new Date().toISOString();
  const client = await connectSnapshots({ endpoint, ...credentials, deadlineMs: callMsMax }, grpcStream);
  const part = join(directory, `.${order.nameOf('unknown')}.part`);
  let growing: GrowingFile | undefined;
  try {
    const digest = new SnapshotDigest();
    growing = await GrowingFile.begin(part, (block) => digest.update(block));
    await receive(client.snapshot(stallMsMax, order.signal), growing, order);
    await growing.settle();
    const { seal, ...sum } = digest.sum();
    if (seal !== 'right') throw cutShort(node, sum.bytes);
    const { revision } = await backendOf(part);
    const keys = await client.countKeys(revision).catch((error: unknown) => {
      // It was compacted meanwhile; and a member that has lost touch still gives what it has.
      if (error instanceof EtcdError) return null;
      throw error;
    });
    const file = join(directory, order.nameOf(revision));
    await growing.publish(file);
    return { file, node, revision, keys, ...sum, at };
  } catch (error) {
    await growing?.discard();
    throw asFailure(error, order);
  } finally {
    client.close();
  }
}

async function receive(
  chunks: ReturnType<Awaited<ReturnType<typeof connectSnapshots>>['snapshot']>,
  growing: GrowingFile,
  { directory, onProgress }: SaveOrder,
): Promise<void> {
  let received = 0;
  for await (const { pieces, remainingBytes } of chunks) {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    if (received === 0) await assertRoom(directory, bytes + remainingBytes);
    for (const piece of pieces) await growing.append(piece);
    received += bytes;
    onProgress(received, received + remainingBytes);
  }
}

const interrupted = new Failure({ exit: 'interrupted', what: 'interrupted; nothing of the file is left' });

/** Known with the first piece: better than to fill the disk of everything else on this host first. */
async function assertRoom(directory: string, bytes: number): Promise<void> {
  const free = await linuxFiles.freeBytes(directory);
  if (free > bytes) return;
  throw new Failure({
    exit: 'failed',
    what: `the snapshot has ${bytes} bytes, and the disk of ${directory} has ${free} free`,
    next: `make room (df ${directory}), or name a file on another disk`,
  });
}

function cutShort(node: string, bytes: number): Failure {
  return new Failure({
    exit: 'failed',
    what: `what ${node} sent (${bytes} bytes) is damaged or cut short: the SHA-256 at its end does not fit`,
    next: 'run the same command again; if it comes again, name another member with --from NODE',
  });
}

function asFailure(error: unknown, { node, endpoint, directory, signal }: SaveOrder): unknown {
  if (signal?.aborted === true) return interrupted;
  if (error instanceof FileError && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
    return new Failure(
      {
        exit: 'failed',
        what: `the disk of ${directory} is full; nothing of the snapshot is left on it`,
        next: `make room (df ${directory}), or name a file on another disk`,
      },
      { cause: error },
    );
  if (error instanceof FileError && error.code === 'EEXIST')
    return new Failure(
      {
        exit: 'refused',
        what: `${error.path} is there already; it was left as it is`,
        next: 'name another file',
      },
      { cause: error },
    );
  if (error instanceof EtcdError)
    return new Failure(
      {
        exit: error.kind === 'permissionDenied' ? 'refused' : 'unreachable',
        what: `${node} did not send its snapshot: ${error.message.replace(`${endpoint}: `, '')}`,
        where: [endpoint],
        next: 'coordinator status; then the same command again, or another member with --from NODE',
      },
      { cause: error },
    );
  return error;
}
