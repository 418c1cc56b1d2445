/**
 * The host's file system as a port: exactly what the agent and the coordinator do to a disk, with durability in the
 * contract. The Linux adapter is linux-files.ts; a simulated disk implements the same interface.
 * What the files mean (etcd.conf, certificates, WAL) does not belong here.
 */

/** Numeric owner of a file. Look names up with `lookupAccount`. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What is at a path. Symbolic links are followed; `link` says that the path itself is one (a rename would move the link). */
export type FileStatus =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'file' | 'directory' | 'other';
      /** Device and inode: two paths with the same pair are the same file; the same `dev` means a rename is possible. */
      readonly dev: number;
      readonly ino: number;
      /** Permission bits only, e.g. 0o640. */
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      /** Bytes. */
      readonly size: number;
      readonly link: boolean;
    }
  /** A symbolic link whose target does not exist. */
  | { readonly kind: 'danglingLink' }
  | { readonly kind: 'denied'; readonly code: string };

export interface WriteOptions {
  /** Permission bits of the finished file; the umask does not apply. */
  readonly mode: number;
  /** Left out: the calling user. Giving another user needs root. */
  readonly owner?: Owner;
}

/** How long a small write takes to reach the disk. Milliseconds. */
export interface FsyncLatency {
  readonly medianMs: number;
  readonly maxMs: number;
  /** How many write+fdatasync pairs were measured, at most 15. */
  readonly rounds: number;
}

/** Every method rejects with a FileError and nothing else. Paths are absolute. */
export interface Files {
  /** The whole file as UTF-8. Refuses (code `EFBIG`) more than `bytesMax`, default 16 MiB. Missing: FileError with `missing`. */
  readText(path: string, bytesMax?: number): Promise<string>;
  /** The first `bytes` bytes, fewer when the file is shorter. */
  readHead(path: string, bytes: number): Promise<Uint8Array>;
  /** `bytes` bytes from `offset`, fewer (or none) at the end of the file. */
  readRange(path: string, offset: number, bytes: number): Promise<Uint8Array>;
  /** The end of the file as UTF-8, at most `bytes` bytes of it, whole characters only. */
  readTail(path: string, bytes: number): Promise<string>;
  /** Something is at the path, of any kind. False only when nothing is; a denied look throws. */
  exists(path: string): Promise<boolean>;
  stat(path: string): Promise<FileStatus>;
  /** Names in the directory, sorted, without `.` and `..`. */
  list(directory: string): Promise<readonly string[]>;
  /**
   * Afterwards the directory exists with this mode and owner, also when it existed before. Missing parents are made
   * with 0755. Durable when it returns.
   */
  makeDirectory(path: string, options: WriteOptions): Promise<{ readonly created: boolean }>;
  /**
   * Replaces the file as a whole: readers and a crash see the old or the new content, never a part. A temporary file
   * in the same directory has its final mode and owner before it has content. Durable when it returns.
   */
  writeAtomic(path: string, data: string | Uint8Array, options: WriteOptions): Promise<void>;
  /**
   * Appends one line (without a line feed in it) and syncs it. A torn last line left by a crash is closed off first,
   * so a reader meets at most one broken line. Creates the file with `mode`, default 0600.
   */
  appendDurable(path: string, line: string, options?: { readonly mode?: number }): Promise<void>;
  /** Removes one file or link, never a directory. Nothing there is no error. Durable when it returns. */
  remove(path: string): Promise<void>;
  /**
   * Removes a directory with everything in it, or one file. A link is removed, never followed. Refuses, with nothing
   * removed: a path of fewer than two parts (`EINVAL`); a mount point, or a tree with one in it (`EBUSY`). Nothing there
   * is no error. Durable when it returns; one cut short is finished by calling it again.
   */
  removeTree(path: string): Promise<void>;
  /**
   * Renames within one file system (`EXDEV` otherwise) and syncs both parents. Refuses with `EEXIST` when anything is
   * at `to`. A file move cut short by a crash is completed by calling it again.
   */
  move(from: string, to: string): Promise<void>;
  /** Bytes an unprivileged writer can still use on the file system of the path, or of its nearest existing parent. */
  freeBytes(path: string): Promise<number>;
  /** Bytes that the file, or the directory with everything in it, takes on its disk. Follows no links; 0 where nothing is. */
  usedBytes(path: string): Promise<number>;
  /**
   * Measures small synced writes in the directory, or in its nearest existing parent: at most 15 rounds and about
   * 300 ms. Leaves nothing behind.
   */
  measureFsync(directory: string): Promise<FsyncLatency>;
}
