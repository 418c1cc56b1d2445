/**
 * The Files port on a real Linux disk. Order matters everywhere: a change is reported only after the file and the
 * directory that names it are synced.
 */
import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { asFileError, errnoOf, FileError, missingAsUndefined } from './file-error.js';
import { removeTree, usedBytes } from './file-tree.js';
import type { FileStatus, Files, WriteOptions } from './files.js';
import { measureFsync } from './fsync-latency.js';
import { nearestExisting } from './nearest-existing.js';
import { syncDirectory } from './sync-directory.js';
import { removeStaleTemporaries, temporaryPath } from './temporary-file.js';
import { textTail } from './text-tail.js';

/** Everything we read as text is configuration or PEM; more than this is somebody else's file. */
const readBytesMaxDefault = 16 * 1024 * 1024;
const permissionBits = 0o7777;

export const linuxFiles: Files = {
  readText: (path, bytesMax = readBytesMaxDefault) =>
    asFileError('read', path, async () => {
      const head = await readUpTo(path, bytesMax + 1);
      if (head.length > bytesMax) {
        throw new FileError('read', path, 'EFBIG', `it is larger than ${bytesMax} bytes`);
      }
      return head.toString('utf8');
    }),
  readHead: (path, bytes) => asFileError('read', path, () => readUpTo(path, bytes)),
  readRange: (path, offset, bytes) => asFileError('read', path, () => readRange(path, () => offset, bytes)),
  readTail: (path, bytes) =>
    asFileError('read', path, async () =>
      textTail(await readRange(path, (size) => Math.max(size - bytes, 0), bytes), bytes),
    ),
  exists: (path) => asFileError('look at', path, async () => (await entryAt(path)) !== undefined),
  stat: statusOf,
  list: (directory) => asFileError('list', directory, async () => (await readdir(directory)).sort()),
  makeDirectory,
  writeAtomic,
  appendDurable,
  remove: (path) =>
    asFileError('remove', path, async () => {
      try {
        await unlink(path);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') {
          return;
        }
        throw error;
      }
      await syncDirectory(dirname(path));
    }),
  removeTree: (path) => asFileError('remove', path, () => removeTree(path)),
  move,
  usedBytes: (path) => asFileError('measure', path, () => usedBytes(path)),
  freeBytes: (path) =>
    asFileError('measure free space at', path, async () => {
      const volume = await statfs(await nearestExisting(path));
      return volume.bavail * volume.bsize;
    }),
  measureFsync: (directory) =>
    asFileError('measure sync latency in', directory, async () =>
      measureFsync(await nearestExisting(directory)),
    ),
};

async function statusOf(path: string): Promise<FileStatus> {
  return asFileError('look at', path, async (): Promise<FileStatus> => {
    try {
      const entry = await entryAt(path);
      if (entry === undefined) {
        return { kind: 'missing' };
      }
      const link = entry.isSymbolicLink();
      const target = link ? await stat(path).catch(missingAsUndefined) : entry;
      return target === undefined ? { kind: 'danglingLink' } : describe(target, link);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EACCES' || code === 'EPERM') {
        return { kind: 'denied', code };
      }
      throw error;
    }
  });
}

function describe(target: Stats, link: boolean): FileStatus {
  const { dev, ino, uid, gid, size } = target;
  const kind = target.isFile() ? 'file' : target.isDirectory() ? 'directory' : 'other';
  return { kind, dev, ino, mode: target.mode & permissionBits, uid, gid, size, link };
}

async function makeDirectory(path: string, options: WriteOptions): Promise<{ created: boolean }> {
  return asFileError('make directory', path, async () => {
    const parent = dirname(path);
    if ((await entryAt(parent)) === undefined) {
      await makeDirectory(parent, { mode: 0o755 });
    }
    const created = await mkdir(path, 0o700).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) === 'EEXIST') {
          return false;
        }
        throw error;
      },
    );
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await giveTo(handle, options);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (created) {
      await syncDirectory(parent);
    }
    return { created };
  });
}

async function writeAtomic(path: string, data: string | Uint8Array, options: WriteOptions): Promise<void> {
  await asFileError('write', path, async () => {
    await removeStaleTemporaries(path);
    const temporary = temporaryPath(path);
    // O_EXCL and no permissions for others: nobody can have the file open before its owner and mode are right.
    const handle = await open(temporary, 'wx', 0o600);
    try {
      try {
        await giveTo(handle, options);
        await handle.writeFile(data);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(dirname(path));
  });
}

async function appendDurable(
  path: string,
  line: string,
  options: { readonly mode?: number } = {},
): Promise<void> {
  await asFileError('append to', path, async () => {
    if (line.includes('\n')) {
      throw new FileError('append to', path, 'EINVAL', 'the line contains a line feed');
    }
    const before = await entryAt(path);
    const handle = await open(path, 'a+', options.mode ?? 0o600);
    try {
      const torn = !(await endsWithLineFeed(handle));
      await handle.appendFile(`${torn ? '\n' : ''}${line}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (before === undefined) {
      await syncDirectory(dirname(path));
    }
  });
}

async function endsWithLineFeed(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) {
    return true;
  }
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

async function move(from: string, to: string): Promise<void> {
  await asFileError('move', `${from} to ${to}`, async () => {
    const source = await lstat(from);
    const target = await entryAt(to);
    const alreadyLinked = target !== undefined && target.ino === source.ino && target.dev === source.dev;
    if (target !== undefined && (!alreadyLinked || source.isDirectory())) {
      throw new FileError('move', `${from} to ${to}`, 'EEXIST', 'something is there already');
    }
    if (source.isDirectory()) {
      // The kernel has no exclusive rename that Node reaches; it still refuses to replace a directory with content.
      await rename(from, to);
    } else {
      if (!alreadyLinked) {
        await link(from, to);
      }
      await syncDirectory(dirname(to));
      await unlink(from);
    }
    await syncDirectory(dirname(to));
    await syncDirectory(dirname(from));
  });
}

async function giveTo(handle: FileHandle, options: WriteOptions): Promise<void> {
  if (options.owner !== undefined) {
    await handle.chown(options.owner.uid, options.owner.gid);
  }
  await handle.chmod(options.mode);
}

async function readUpTo(path: string, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    // Files in /proc say size 0; read those in steps of a page as well.
    const chunks: Buffer[] = [];
    let total = 0;
    while (total < bytes) {
      const chunk = Buffer.alloc(Math.min(bytes - total, Math.max(size - total + 1, 4096)));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) {
        break;
      }
      chunks.push(chunk.subarray(0, bytesRead));
      total += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

async function readRange(path: string, from: (size: number) => number, bytes: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const offset = from(size);
    const wanted = Buffer.alloc(Math.max(Math.min(bytes, size - offset), 0));
    let total = 0;
    while (total < wanted.length) {
      const { bytesRead } = await handle.read(wanted, total, wanted.length - total, offset + total);
      if (bytesRead === 0) {
        break;
      }
      total += bytesRead;
    }
    return wanted.subarray(0, total);
  } finally {
    await handle.close();
  }
}

async function entryAt(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(missingAsUndefined);
}
