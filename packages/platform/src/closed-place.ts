/**
 * Whether the unit that this process runs in keeps a path from it: systemd's sandbox shows in the process's own mounts.
 */
import { readFile, realpath } from 'node:fs/promises';
import { isWithin } from './mounts.js';
import { nearestExisting } from './nearest-existing.js';

/** A setting of the unit, in the words that end it. */
export type ClosingSetting = 'ProtectHome' | 'ProtectSystem' | 'PrivateTmp';

export interface ClosedPlace {
  readonly setting: ClosingSetting;
  /** What it closes, e.g. `/home`. */
  readonly mountPoint: string;
}

/** Undefined: nothing keeps this process from it, or not systemd. */
export async function closedPlaceOf(path: string): Promise<ClosedPlace | undefined> {
  const place = await realpath(await nearestExisting(path));
  return closedPlace(await readFile('/proc/self/mountinfo', 'utf8'), place);
}

/** The same for the text of a mountinfo (proc_pid_mountinfo(5)) and a resolved path. Pure. */
export function closedPlace(mountInfo: string, path: string): ClosedPlace | undefined {
  const mount = mountInfo
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [, , , root = '', mountPoint = '', options = ''] = left.split(' ');
      return {
        root,
        mountPoint,
        options: options.split(','),
        fileSystem: (right.split(' ')[2] ?? '').split(','),
      };
    })
    .filter(({ mountPoint }) => mountPoint !== '' && isWithin(path, mountPoint))
    .reduce<Mounted | undefined>(
      (best, each) => (best === undefined || each.mountPoint.length >= best.mountPoint.length ? each : best),
      undefined,
    );
  const setting = mount === undefined ? undefined : settingOf(mount);
  return mount === undefined || setting === undefined ? undefined : { setting, mountPoint: mount.mountPoint };
}

interface Mounted {
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** Options of the file system itself, wherever it is mounted. */
  readonly fileSystem: readonly string[];
}

function settingOf({ root, mountPoint, options, fileSystem }: Mounted): ClosingSetting | undefined {
  if (root.endsWith('/inaccessible/dir')) return 'ProtectHome';
  if (/\/systemd-private-[^/]+\/tmp$/.test(root)) return 'PrivateTmp';
  const isSystem = ['/usr', '/boot', '/efi'].some((place) => isWithin(mountPoint, place));
  return isSystem && options.includes('ro') && fileSystem.includes('rw') ? 'ProtectSystem' : undefined;
}
