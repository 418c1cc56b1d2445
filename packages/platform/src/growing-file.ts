/**
 * A large file that arrives as a stream. It grows beside its place, as `NAME.part`, and has its name only when all of it is on
 * the disk. What has arrived is written while more arrives; only a little is in memory.
 */
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asFileError, FileError, missingAsUndefined } from './file-error.js';
import { syncDirectory } from './sync-directory.js';

/** Written in one go; twice as much is in memory. */
const blockBytes = 1024 * 1024;
/** Sent on to the disk while the rest arrives, so that the end does not wait for all of it. */
const syncEveryBytes = 32 * 1024 * 1024;

/** Every method rejects with a FileError. Not to be used by two at once. */
export class GrowingFile {
  private block = Buffer.allocUnsafe(blockBytes);
  private spare = Buffer.allocUnsafe(blockBytes);
  private filled = 0;
  private written = 0;
  private writing: Promise<void> = Promise.resolve();
  private syncing: Promise<void> = Promise.resolve();
  private syncedTo = 0;
  private isSyncing = false;

  private constructor(
    /** Where it grows. */
    readonly part: string,
    private readonly handle: FileHandle,
    private readonly onBlock: (bytes: Uint8Array) => void,
  ) {}

  /** What an earlier attempt left there goes. 0600. `onBlock` sees all bytes in order, in large pieces that are soon reused. */
  static begin(part: string, onBlock: (bytes: Uint8Array) => void = () => {}): Promise<GrowingFile> {
    return asFileError('write', part, async () => {
      await unlink(part).catch(missingAsUndefined);
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      return new GrowingFile(part, await open(part, flags, 0o600), onBlock);
    });
  }

  /** Takes the bytes over before it returns; waits while the disk is behind. */
  append(bytes: Uint8Array): Promise<void> {
    return asFileError('write', this.part, async () => {
      for (let from = 0; from < bytes.length; ) {
        const some = bytes.subarray(from, from + blockBytes - this.filled);
        this.block.set(some, this.filled);
        this.filled += some.length;
        from += some.length;
        if (this.filled === blockBytes) await this.flush();
      }
    });
  }

  /** Everything is on the disk when it returns, and can be read at `part`. */
  settle(): Promise<void> {
    return asFileError('write', this.part, async () => {
      await this.flush();
      await this.writing;
      await this.syncing;
      await this.handle.sync();
    });
  }

  /** After `settle`. Leaves it where it grew, for whoever moves it. */
  async close(): Promise<void> {
    await this.handle.close();
  }

  /** After `settle`. Gives the file its name; refuses with `EEXIST` where something has it, and leaves that as it is. */
  publish(path: string): Promise<void> {
    return asFileError('name', path, async () => {
      if (!(await this.isOurs()))
        throw new FileError('name', path, 'EBUSY', `something else writes to ${this.part}`);
      // A link refuses what is there, which a rename would replace.
      await link(this.part, path);
      await unlink(this.part);
      await syncDirectory(dirname(path));
      await this.handle.close();
    });
  }

  /** Removes what is there of it. Never rejects. */
  async discard(): Promise<void> {
    await Promise.allSettled([this.writing, this.syncing]);
    if (await this.isOurs().catch(() => false)) await unlink(this.part).catch(() => {});
    await this.handle.close().catch(() => {});
  }

  /** Somebody else may have begun the same file since. */
  private async isOurs(): Promise<boolean> {
    const [own, there] = await Promise.all([this.handle.stat(), lstat(this.part)]);
    return own.ino === there.ino && own.dev === there.dev;
  }

  /** Hands the block over and goes on with the other one. */
  private async flush(): Promise<void> {
    await this.writing;
    const bytes = this.block.subarray(0, this.filled);
    [this.block, this.spare] = [this.spare, this.block];
    this.filled = 0;
    this.writing = this.write(bytes, this.written);
    // While it is being written.
    this.onBlock(bytes);
    // Whoever waits for it next is told.
    this.writing.catch(() => {});
    this.written += bytes.length;
    // Nobody waits for a disk that is behind: the end does.
    if (this.isSyncing || this.written - this.syncedTo < syncEveryBytes) return;
    this.syncedTo = this.written;
    this.isSyncing = true;
    this.syncing = this.handle.datasync().finally(() => {
      this.isSyncing = false;
    });
    this.syncing.catch(() => {});
  }

  private async write(bytes: Buffer, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; )
      done += (await this.handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
