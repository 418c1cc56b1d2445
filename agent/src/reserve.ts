/**
 * Room on the agent's own disk that is kept by a file, and given up where nothing else is left: a host whose disk has filled
 * up must come back from a reboot, and for that an agent has to write down that it is there; and a repair that is under way
 * must be written down to get on. It is good for one of them; an agent that starts where there is room takes it anew.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { FileError, type Files } from '@etcd-agent/platform';

/** The lock, the state of the process manager, and a journal, with their temporary copies, take a tenth of it. */
const reserveBytes = 256 * 1024;
/** Below this the room is for what has to be written now. */
const freeBytesMin = 4 * reserveBytes;

/** Does something that writes, on a disk that may be full: without the reserve then. `spent`: it was given up. */
export async function withReserve<T>(
  files: Files,
  path: string,
  write: () => Promise<T>,
): Promise<{ readonly value: T; readonly spent: boolean }> {
  let spent = false;
  const spend = async () => {
    spent = true;
    await files.remove(path);
  };
  if ((await files.freeBytes(dirname(path))) < freeBytesMin) await spend();
  // A quota, or a file system without inodes, does not show in its free bytes.
  return { value: await orWithoutReserve(write, spend), spent };
}

/** Writes; where that fails for want of room, once more after `spend` has given the reserve up. */
export async function orWithoutReserve<T>(write: () => Promise<T>, spend: () => Promise<void>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isFull(error)) throw error;
    await spend();
    return write();
  }
}

/** Takes the room, or has it already. False: the disk is full after all. */
export async function keepReserve(files: Files, path: string): Promise<boolean> {
  if (await files.exists(path)) return true;
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
