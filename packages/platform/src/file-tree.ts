/**
 * Whole directory trees: how much they take, and their removal. What is removed may belong to etcd's account, which could
 * put a link in the place of a directory while root is at work: so every directory is opened without following links,
 * and its entries are reached through the open directory.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf, FileError, missingAsUndefined } from './file-error.js';
import { isWithin, readMounts } from './mounts.js';

/** lstat counts blocks of this size, whatever the file system's own. */
const blockBytes = 512;
const openDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Bytes on disk of everything at the path; what goes while it is measured does not count. */
export async function usedBytes(path: string): Promise<number> {
  const entry = await lstat(path).catch(missingAsUndefined);
  if (entry === undefined) {
    return 0;
  }
  let total = entry.blocks * blockBytes;
  if (entry.isDirectory()) {
    for (const name of (await readdir(path).catch(missingAsUndefined)) ?? []) {
      total += await usedBytes(join(path, name));
    }
  }
  return total;
}

/** As `Files.removeTree` says. */
export async function removeTree(path: string): Promise<void> {
  const place = await placeOf(path);
  if (place === undefined) {
    return;
  }
  const mount = (await readMounts()).find(({ mountPoint }) => isWithin(mountPoint, place));
  if (mount !== undefined) {
    throw new FileError('remove', path, 'EBUSY', `${mount.mountPoint} is a mount point`);
  }
  await removeEntry(place);
  const parent = await open(dirname(place), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

/** The path with every link above its last part resolved; undefined where no parent is. */
async function placeOf(path: string): Promise<string | undefined> {
  const named = resolve(path);
  const parent = await realpath(dirname(named)).catch(missingAsUndefined);
  const place = parent === undefined ? named : join(parent, basename(named));
  for (const each of [named, place]) {
    if (!path.startsWith('/') || each.split('/').filter(Boolean).length < 2) {
      throw new FileError('remove', path, 'EINVAL', 'a tree so near to the root is never removed');
    }
  }
  return parent === undefined ? undefined : place;
}

async function removeEntry(path: string): Promise<void> {
  const failure = await unlink(path).then(() => undefined, asError);
  if (failure === undefined || errnoOf(failure) === 'ENOENT') {
    return;
  }
  if (errnoOf(failure) !== 'EISDIR') {
    throw failure;
  }
  const directory = await open(path, openDirectory);
  try {
    const inside = `/proc/self/fd/${directory.fd}`;
    for (const name of await readdir(inside)) {
      await removeEntry(join(inside, name));
    }
  } finally {
    await directory.close();
  }
  await rmdir(path);
}

function asError(error: Error): Error {
  return error;
}
