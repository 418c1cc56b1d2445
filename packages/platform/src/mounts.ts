/**
 * What is mounted where, as /proc/self/mountinfo tells it, and a lasting name for the file system under a path. Only
 * reads; what follows from another file system in the place of the remembered one is the agent's to decide.
 */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { nearestExisting } from './nearest-existing.js';

export interface Mount {
  readonly mountPoint: string;
  /** `254:0`. Not a block device's where the file system has none, or several. */
  readonly device: string;
  readonly fileSystemType: string;
  /** `/dev/vda1`, `server:/export`, `tmpfs` … */
  readonly source: string;
}

export interface FileSystemView {
  /**
   * Mount point, type, and the UUID of the block device or else the mount's source. The same after a reboot; another
   * one when another file system is mounted there, or none where there was one.
   */
  readonly id: string;
  readonly mountPoint: string;
}

const byUuid = '/dev/disk/by-uuid';

/** The file system that holds the path, or would hold it: the nearest existing parent counts. */
export async function fileSystemOf(path: string): Promise<FileSystemView> {
  const [mounts, place] = [await readMounts(), await realpath(await nearestExisting(path))];
  const mount = mountAt(mounts, place);
  if (mount === undefined) {
    throw new Error(`/proc/self/mountinfo names no mount for ${place}`);
  }
  const { mountPoint, fileSystemType } = mount;
  const name = (await deviceUuid(mount, byUuid)) ?? mount.source;
  return { id: `${mountPoint} ${fileSystemType} ${name}`, mountPoint };
}

/** Every mount that this process sees, in the order in which they were made. */
export async function readMounts(): Promise<readonly Mount[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** Parses mountinfo (proc_pid_mountinfo(5)); lines that are not understood are left out. */
export function parseMountInfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    // A hyphen by itself ends the optional fields, of which there may be any number.
    const [left, right] = [line.split(' - ')[0], line.split(' - ').slice(1).join(' - ')];
    const [, , device, , mountPoint] = (left ?? '').split(' ');
    const [fileSystemType, source] = right.split(' ');
    return device && mountPoint && fileSystemType && source !== undefined
      ? [{ device, mountPoint: plain(mountPoint), fileSystemType, source: plain(source) }]
      : [];
  });
}

/** The mount that a resolved path lies on: the longest mount point above it; of two at one place, the one on top. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(({ mountPoint }) => isWithin(path, mountPoint))
    .reduce<Mount | undefined>(
      (best, mount) =>
        best === undefined || mount.mountPoint.length >= best.mountPoint.length ? mount : best,
      undefined,
    );
}

/** True for `/a` and `/a/b` within `/a`, false for `/ab`. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The UUID of the mount's block device, from the links in `directory`; undefined where there is no such link. */
export async function deviceUuid(mount: Mount, directory: string): Promise<string | undefined> {
  const device = await devicePath(mount);
  const names = device === undefined ? [] : await readdir(directory).catch(() => []);
  for (const name of names.sort()) {
    if ((await realpath(join(directory, name)).catch(() => undefined)) === device) {
      return name;
    }
  }
  return undefined;
}

async function devicePath({ source, device }: Mount): Promise<string | undefined> {
  if (!source.startsWith('/')) {
    return undefined;
  }
  // The kernel calls what it mounted itself /dev/root, which nobody finds under /dev.
  return realpath(source).catch(() =>
    realpath(`/sys/dev/block/${device}`).then(
      (directory) => `/dev/${basename(directory)}`,
      () => undefined,
    ),
  );
}

/** Space, tab, line feed and backslash are written as three octal digits. */
function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
