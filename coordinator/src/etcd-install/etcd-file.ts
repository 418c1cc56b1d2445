/**
 * The file that an etcd is installed from. `init` and `apply` keep a copy in the state, under its SHA-256: the very file that
 * the cluster began with is there for a host that is replaced a year later. It is read piece by piece, by every sender for
 * itself: what many of them need at once is in the system's cache, once.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { sha256OfFile } from '@etcd-agent/platform';
import { etcdFileBytesMax } from '@etcd-agent/protocol';
import { Failure } from '../failure.js';
import { type LocalFile, openLocalFile } from '../link/local-file.js';
import type { StateDir } from '../state/state-dir.js';
import type { InstallSource } from '../topology/schema.js';

export interface NamedFile {
  readonly path: string;
  readonly sha256: string;
}

/** Reads the file that the topology names, once. Throws Failure where it is missing, or another one. */
export async function checkEtcdFile(
  topologyFile: string,
  { file, sha256 }: Extract<InstallSource, { from: 'file' }>,
): Promise<NamedFile> {
  const path = resolve(dirname(topologyFile), file);
  await verify(path, sha256, `etcd.install.file in ${topologyFile}`);
  return { path, sha256 };
}

/** Copies a file that was checked into the state. Nothing happens where it is there, whole. */
export async function keepEtcdFile(state: StateDir, { path, sha256 }: NamedFile): Promise<void> {
  const kept = state.file('etcd', sha256);
  const isWhole = await verify(kept, sha256, kept).then(
    () => true,
    () => false,
  );
  if (isWhole) return;
  await mkdir(state.file('etcd'), { recursive: true, mode: 0o700 });
  const half = `${kept}.half`;
  await rm(half, { force: true });
  await copyFile(path, half, constants.COPYFILE_EXCL);
  const handle = await open(half, 'r+');
  try {
    await handle.chmod(0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // What was checked a moment ago may be another file by now.
  await verify(half, sha256, path);
  await rename(half, kept);
}

/** The kept file, checked again: it may have lain there for long. Throws Failure where it is not there. */
export async function openEtcdFile(state: StateDir, sha256: string): Promise<LocalFile> {
  const path = state.file('etcd', sha256);
  const bytes = await verify(path, sha256, 'the etcd of this cluster').catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(
      {
        exit: 'failed',
        what: error.parts.what,
        cause: 'an export of the state does not carry it',
        next: 'coordinator etcd install --file FILE, with the file that has this SHA-256',
      },
      { cause: error },
    );
  });
  return openLocalFile(path, { sha256, bytes });
}

/** Its size. */
async function verify(path: string, sha256: string, what: string): Promise<number> {
  const size = await stat(path).then(
    (status) => (status.isFile() ? status.size : undefined),
    () => undefined,
  );
  const fail = (why: string, next?: string) =>
    new Failure({ exit: 'usage', what: `${what}: ${why}`, ...(next === undefined ? {} : { next }) });
  if (size === undefined) throw fail(`there is no file ${path}`);
  if (size === 0 || size > etcdFileBytesMax)
    throw fail(`${path} has ${size} bytes; an etcd has 1 to ${etcdFileBytesMax}`);
  const found = await sha256OfFile(path);
  if (found !== sha256) {
    throw fail(
      `${path} has the SHA-256 ${found}, not ${sha256}`,
      'compare both with the list of hashes that the file was published with',
    );
  }
  return size;
}
