/** A file system that is soon full: a tmpfs, which takes root to mount. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
      const { bavail, bsize } = statfsSync(path);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
    },
    empty: () => rmSync(filler),
    unmount() {
      // Lazily: a process that is on its way out may still hold a file of it.
      const { status, stderr } = spawnSync('umount', ['-l', path]);
      if (status !== 0) throw new Error(`umount ${path}: ${String(stderr)}`);
    },
  };
}
