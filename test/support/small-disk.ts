/** A file system that is soon full: a tmpfs, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The smallest that a tmpfs gives room for. */
const page = Buffer.alloc(4_096);

export interface SmallDisk {
  readonly path: string;
  /** Takes all that is left. */
  fill(): void;
  /** Gives it back. */
  empty(): void;
  unmount(): void;
}

/**
 * Mounts a tmpfs of `size` (as mount takes it, `8m`) at `path`. Without root there is none: that fails where CI is set,
 * so that it cannot go unnoticed there, and elsewhere calls `skip` with the reason.
 */
export function mountSmall(path: string, size: string, skip: (why: string) => never): SmallDisk {
  mkdirSync(path, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', path]);
  if (mounted.status !== 0) {
    const why = `a full disk needs root, to mount a tmpfs: ${String(mounted.stderr ?? mounted.error).trim()}`;
    if (process.env.CI !== undefined) throw new Error(why);
    return skip(why);
  }
  const filler = join(path, 'filler');
  return {
    path,
    fill() {
      const file = openSync(filler, 'w');
      try {
        // Until the file system says so: others may write there meanwhile, so what it has left is no number to rely on.
        for (;;) writeSync(file, page);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(filler),
    unmount() {
      // Lazily: a process that is on its way out may still hold a file of it.
      const { status, stderr } = spawnSync('umount', ['-l', path]);
      if (status !== 0) throw new Error(`umount ${path}: ${String(stderr)}`);
    },
  };
}
