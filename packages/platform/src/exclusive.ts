/**
 * One owner at a time for something on this host (a state directory, a bootstrap). A lock is a file that names its
 * holder by process identity, so a killed holder never leaves a lock that somebody must remove by hand.
 *
 * The lock `L` is a row of files `L.1`, `L.2` …; the highest number counts. A taker links a complete file to the next
 * number, which exactly one can do, and then looks whether its number is still the highest. Files are removed only
 * below the highest and numbers never go back, so a slow taker that acts on an old look at the row loses the link, or
 * the look after it. Holders in different pid namespaces do not see each other: one namespace per lock.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asFileError, errnoOf, FileError } from './file-error.js';
import { isSameProcess, type ProcessIdentity, processIdentity } from './processes.js';

export interface ExclusiveLock {
  /**
   * Gives the lock up. A second call does nothing. A process that ends without it loses the lock as well. Throws a
   * FileError where the disk does not take it (full, read-only); the lock is held on then until the process ends.
   */
  release(): Promise<void>;
}

/** Somebody alive holds the lock; possibly this very process. */
export class HeldError extends Error {
  override readonly name = 'HeldError';

  constructor(
    readonly path: string,
    readonly holderPid: number,
    readonly since: Date,
    /** What the holder said it wants the lock for. */
    readonly purpose: string,
  ) {
    super(`${path} is held by process ${holderPid} since ${since.toISOString()} (${purpose})`);
  }
}

/** Who holds a lock, since when and what for. */
export interface ExclusiveHolder {
  readonly pid: number;
  readonly since: Date;
  readonly purpose: string;
}

interface Holding {
  readonly holder: ProcessIdentity;
  readonly since: string;
  readonly purpose: string;
  readonly released: boolean;
}

/** Takers that keep colliding give up after this many rounds; one round is won by somebody, so this is never seen. */
const roundsMax = 100;

/**
 * Takes the lock or throws a HeldError at once; does not wait. The directory of `path` must exist. Throws a FileError
 * when the directory cannot be used or the lock's content is not ours (code `EBADMSG`; remove the file by hand).
 */
export async function acquireExclusive(path: string, purpose: string): Promise<ExclusiveLock> {
  const self = await processIdentity(process.pid);
  if (self.kind === 'gone') {
    throw new FileError('lock', path, 'ENOSYS', '/proc does not show this process');
  }
  const holding: Holding = {
    holder: self.identity,
    since: new Date().toISOString(),
    purpose,
    released: false,
  };
  const outcome = await asFileError('lock', path, () => take(path, holding));
  if (outcome instanceof HeldError) {
    throw outcome;
  }
  return outcome;
}

/**
 * Who holds the lock right now; undefined where nobody does, or the directory of `path` is not there. Only reads: it never
 * stands in the way of somebody who takes the lock. Throws a FileError as acquireExclusive does.
 */
export async function exclusiveHolder(path: string): Promise<ExclusiveHolder | undefined> {
  return asFileError('look at', path, async () => {
    for (let round = 0; round < roundsMax; round += 1) {
      const highest = (await numbers(path).catch(noneIfMissing)).at(-1);
      if (highest === undefined) {
        return undefined;
      }
      const look = await lookAt(path, highest);
      if (look === 'moved') {
        continue;
      }
      return look === 'free' ? undefined : { pid: look.holderPid, since: look.since, purpose: look.purpose };
    }
    throw new FileError('look at', path, 'EAGAIN', `no answer after ${roundsMax} rounds`);
  });
}

async function take(path: string, holding: Holding): Promise<ExclusiveLock | HeldError> {
  const complete = await writeComplete(path, holding);
  try {
    for (let round = 0; round < roundsMax; round += 1) {
      const highest = (await numbers(path)).at(-1) ?? 0;
      const look = highest === 0 ? 'free' : await lookAt(path, highest);
      if (look instanceof HeldError) {
        return look;
      }
      if (look === 'moved') {
        continue;
      }
      const mine = highest + 1;
      if (!(await linked(complete, numbered(path, mine)))) {
        continue;
      }
      const row = await numbers(path);
      if (row.at(-1) === mine) {
        await Promise.all(row.slice(0, -1).map((number) => unlinkIfThere(numbered(path, number))));
        return lockOn(path, mine, holding);
      }
      await unlinkIfThere(numbered(path, mine));
    }
    throw new FileError('lock', path, 'EAGAIN', `no decision after ${roundsMax} rounds`);
  } finally {
    await unlinkIfThere(complete);
  }
}

/** What the highest number says; `moved` when it was removed meanwhile, because there is a higher one. */
async function lookAt(path: string, number: number): Promise<'free' | 'moved' | HeldError> {
  const text = await readFile(numbered(path, number), 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  });
  if (text === undefined) {
    return 'moved';
  }
  const found = parse(numbered(path, number), text);
  if (!found.released && (await isSameProcess(found.holder))) {
    return new HeldError(path, found.holder.pid, new Date(found.since), found.purpose);
  }
  return 'free';
}

function lockOn(path: string, number: number, holding: Holding): ExclusiveLock {
  let released = false;
  return {
    async release() {
      if (released) {
        return;
      }
      released = true;
      // The number stays taken: removing it would let the row start again from 1 under a slow taker's feet.
      await asFileError('release', path, async () => {
        const marker = await writeComplete(path, { ...holding, released: true });
        await rename(marker, numbered(path, number));
      });
    },
  };
}

/** A file with all its content, synced, under a name nobody looks at. */
async function writeComplete(path: string, holding: Holding): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.lock-tmp`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(holding)}\n`);
    await handle.sync();
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

/** The numbers in the row, ascending. */
async function numbers(path: string): Promise<readonly number[]> {
  const prefix = `${basename(path)}.`;
  return (await readdir(dirname(path)))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

function noneIfMissing(error: unknown): readonly number[] {
  if (errnoOf(error) === 'ENOENT') {
    return [];
  }
  throw error;
}

function numbered(path: string, number: number): string {
  return `${path}.${number}`;
}

function parse(path: string, text: string): Holding {
  try {
    const value = JSON.parse(text) as Holding;
    if (Number.isSafeInteger(value.holder.pid) && Number.isFinite(Date.parse(value.since))) {
      return value;
    }
  } catch {
    // Falls through to the one error for every kind of foreign content.
  }
  throw new FileError('lock', path, 'EBADMSG', 'it is not one of our locks; look at it, then remove it');
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
  });
}
