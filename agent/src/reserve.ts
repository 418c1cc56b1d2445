/**
 * Room on the agent's own disk that is kept by a file, and given up where nothing else is left: a host whose disk has filled
 * up must still come back from a reboot, and for that an agent has to write down that it is there.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { FileError, type Files } from '@etcd-agent/platform';

/** The lock, the state of the process manager, and a journal, with their temporary copies, take a tenth of it. */
const reserveBytes = 256 * 1024;
/** Below this the room is for what has to be written now. */
const freeBytesMin = 4 * reserveBytes;

/** Does something that writes; where the disk is full, once more without the reserve. */
export async function withReserve<T>(files: Files, path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isFull(error)) throw error;
    await files.remove(path);
    return write();
  }
}

/** Takes the room again, or for the first time. False: the disk is full, or nearly. */
export async function keepReserve(files: Files, path: string): Promise<boolean> {
  if (await files.exists(path)) return true;
  if ((await files.freeBytes(dirname(path))) < freeBytesMin) return false;
  try {
    // Not zeros: a file system that compresses would keep no room for them.
    await files.writeAtomic(path, randomBytes(reserveBytes), { mode: 0o600 });
    return true;
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof FileError && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
