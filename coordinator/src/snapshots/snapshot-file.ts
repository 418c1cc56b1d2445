/** A snapshot in a file of this host: whether it is whole, how far it goes, and whose it is. */
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Backend,
  BoltError,
  minorOf,
  parseEtcdVersion,
  readBackend,
  SnapshotDigest,
} from '@etcd-agent/etcd';
import { chunksOf } from '@etcd-agent/platform';
import { snapshotBytesMax } from '@etcd-agent/protocol';
import { Failure } from '../failure.js';
import type { NodePlace } from '../topology/places.js';

export interface SnapshotFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** `none`: a copy of a member's `db`, whose bytes nothing vouches for. */
  readonly seal: 'right' | 'none';
  readonly backend: Backend;
}

/** Reads all of it; `look` sees every piece, in order. Throws Failure for what is no snapshot, or a damaged one. */
export async function checkSnapshotFile(
  file: string,
  look: (chunk: Uint8Array) => void = () => {},
): Promise<SnapshotFile> {
  const path = resolve(file);
  const status = await stat(path).catch(() => undefined);
  if (status?.isFile() !== true)
    throw new Failure({ exit: 'usage', what: `there is no file ${path}`, next: 'coordinator snapshot list' });
  if (status.size > snapshotBytesMax)
    throw new Failure({ exit: 'usage', what: `${path} is larger than any snapshot (${status.size} bytes)` });
  const digest = new SnapshotDigest();
  await chunksOf(path, (chunk) => {
    digest.update(chunk);
    look(chunk);
  });
  const { seal, ...sum } = digest.sum();
  if (seal === 'wrong')
    throw damaged(
      path,
      'the SHA-256 that etcd put at its end does not fit: bytes have changed, or are missing',
    );
  return { path, ...sum, seal, backend: await backendOf(path) };
}

/** Reads a few pages. Throws Failure where it is not etcd's. */
export async function backendOf(path: string): Promise<Backend> {
  const handle = await open(path, 'r');
  try {
    return await readBackend(async (offset, length) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    });
  } catch (error) {
    if (error instanceof BoltError) throw damaged(path, error.message);
    throw error;
  } finally {
    await handle.close();
  }
}

/** A member of it has a peer URL of one of these nodes. Ids say nothing: every repair and every restore makes new ones. */
export function isOfCluster({ members }: Backend, places: readonly NodePlace[]): boolean {
  const urls = new Set(places.map(({ peerURL }) => peerURL));
  return members.some(({ peerURLs }) => peerURLs.some((url) => urls.has(url)));
}

/** Throws Failure for data that a newer minor has written: an older etcd may start on it, and does not know all of it. */
export function refuseNewer(
  { path, backend }: Pick<SnapshotFile, 'path' | 'backend'>,
  etcdVersion: string,
): void {
  const [theirs, ours] = [backend.clusterVersion, etcdVersion].map((text) => parseEtcdVersion(text ?? ''));
  if (theirs === undefined || ours === undefined) return;
  if (theirs.major < ours.major || (theirs.major === ours.major && theirs.minor <= ours.minor)) return;
  throw new Failure({
    exit: 'refused',
    what: `${path} is of a cluster of etcd ${minorOf(theirs)}, and this one has ${ours.text}`,
    cause: 'an older etcd does not know all that a newer one writes',
    next: `a snapshot of etcd ${minorOf(ours)} or older; or hosts with etcd ${minorOf(theirs)}`,
  });
}

function damaged(path: string, why: string): Failure {
  return new Failure({
    exit: 'failed',
    what: `${path} is no snapshot that can be used`,
    cause: why,
    next: 'another copy of it, or another snapshot: coordinator snapshot list',
  });
}
