/** The snapshot that a person names, read once from end to end: what it is called by, whether it is whole, and whose data it looks like. */

import { resolve } from 'node:path';
import { SnapshotDigest } from '@etcd-agent/etcd';
import { chunksOf, FileError } from '@etcd-agent/platform';
import { Failure } from '../failure.js';

export interface SnapshotFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly seal: 'right' | 'none';
  /** There are keys in it as Kubernetes and OpenShift have them, whose clients rely on revisions that only rise. */
  readonly isKubernetes: boolean;
}

/** With these the keys of Kubernetes and OpenShift begin, as they stand in the pages of the database. */
const kubernetesKeys = ['/registry/', '/kubernetes.io/', '/openshift.io/'];
const longest = Math.max(...kubernetesKeys.map(({ length }) => length));

/** Throws Failure where it cannot be read, or is damaged or cut short. */
export async function readSnapshotFile(name: string): Promise<SnapshotFile> {
  const path = resolve(name);
  const digest = new SnapshotDigest();
  let rest = Buffer.alloc(0);
  let isKubernetes = false;
  try {
    await chunksOf(path, (chunk) => {
      digest.update(chunk);
      if (isKubernetes) return;
      // A key may lie across two chunks.
      const seen = Buffer.concat([rest, chunk]);
      isKubernetes = kubernetesKeys.some((key) => seen.includes(key));
      rest = Buffer.from(seen.subarray(-(longest - 1)));
    });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new Failure(
      { exit: 'usage', what: `${path} cannot be read (${error.code})`, next: 'coordinator snapshot list' },
      { cause: error },
    );
  }
  const { seal, ...sum } = digest.sum();
  if (seal !== 'wrong' && sum.bytes > 0) return { path, ...sum, seal, isKubernetes };
  throw new Failure({
    exit: 'refused',
    what: `${path} is no snapshot, or it is damaged or cut short`,
    where: [`${sum.bytes} bytes, SHA-256 ${sum.sha256}`],
    cause:
      'etcd ends a snapshot with the SHA-256 of all that is before, and the one in this file does not fit',
    next: 'take another snapshot, or another copy of this one: coordinator snapshot list',
  });
}
