/**
 * Files that are too large to be held in memory: received piece by piece, hashed, and put in place by a link. Everything
 * else that is done to a disk is in the Files port.
 */
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asFileError, errnoOf, missingAsUndefined } from './file-error.js';
import { syncDirectory } from './sync-directory.js';

/**
 * Appends `bytes` to the file if it is `offset` bytes long, else writes nothing. Returns how long it is then. Durable when
 * it returns, but for the name of a new file: one that is lost is simply sent again.
 */
export function appendAt(path: string, offset: number, bytes: Uint8Array): Promise<number> {
  return asFileError('write', path, async () => {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const handle = await open(path, flags, 0o600);
    try {
      const { size } = await handle.stat();
      if (size !== offset) return size;
      try {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
          done += bytesWritten;
        }
        await handle.datasync();
      } catch (error) {
        // A piece that is there in part (a full disk) would be taken for a whole one.
        await handle.truncate(offset).catch(() => undefined);
        throw error;
      }
      return offset + bytes.length;
    } finally {
      await handle.close();
    }
  });
}

/** SHA-256 of a whole file, lower-case hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await chunksOf(path, (chunk) => hash.update(chunk));
  return hash.digest('hex');
}

/** Hands a whole file over, piece by piece and in order. */
export function chunksOf(path: string, take: (chunk: Uint8Array) => void): Promise<void> {
  return asFileError('read', path, async () => {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) take(chunk as Buffer);
  });
}

/**
 * Makes `path` a symbolic link to `target`, whatever link was there before; readers and a crash see the former one or this
 * one. Something that is no link is not replaced (`EEXIST`). Durable when it returns.
 */
export function switchLink(path: string, target: string): Promise<void> {
  return asFileError('link', path, async () => {
    // Readlink of what is no link fails (EINVAL), and a rename would replace a file.
    const before = await readlink(path).catch((error: unknown) => {
      if (errnoOf(error) !== 'EINVAL') return missingAsUndefined(error);
      throw Object.assign(new Error('something that is no link is there'), { code: 'EEXIST' });
    });
    if (before === target) return;
    const temporary = join(dirname(path), `.${basename(path)}.new`);
    // Of a run that was cut short here. There is one writer.
    await unlink(temporary).catch(missingAsUndefined);
    await symlink(target, temporary);
    try {
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncDirectory(dirname(path));
  });
}
