/**
 * Rule one, for implementations that check it themselves (systemd checks the same conditions through the unit).
 * An empty directory looks to etcd like a new member; only a deliberate permit may let that happen. A disk that was rolled
 * back looks to etcd like its own; only the agent's clearance says that somebody has looked.
 */
import { join } from 'node:path';
import { FileError } from './file-error.js';
import type { Files } from './files.js';
import { currentBootId } from './processes.js';
import type { EtcdUnit } from './services.js';

/** A boot id and a line feed are 37 bytes. */
const clearanceBytesMax = 100;

export type StartCondition =
  | { readonly kind: 'met'; readonly because: 'wal' | 'permit' }
  | { readonly kind: 'unmet'; readonly why: string };

/** Where etcd keeps its write-ahead log: `walDir`, or `<dataDir>/member/wal`. */
export function walDirectory(unit: Pick<EtcdUnit, 'dataDir' | 'walDir'>): string {
  return unit.walDir ?? join(unit.dataDir, 'member', 'wal');
}

/**
 * May etcd start? Yes when a `*.wal` exists or the permit does, and, where the unit names a clearance, it is of this
 * boot. What cannot be read counts as absent.
 */
export async function startCondition(
  files: Files,
  unit: EtcdUnit,
  bootId: () => Promise<string> = currentBootId,
): Promise<StartCondition> {
  if (unit.clearanceFile !== undefined && !(await isCleared(files, unit.clearanceFile, await bootId()))) {
    return { kind: 'unmet', why: `no clearance for this boot at ${unit.clearanceFile}` };
  }
  const walDir = walDirectory(unit);
  const wal = await hasWal(files, walDir);
  if (wal === true) {
    return { kind: 'met', because: 'wal' };
  }
  if ((await files.stat(unit.permitFile)).kind === 'file') {
    return { kind: 'met', because: 'permit' };
  }
  return {
    kind: 'unmet',
    why: `no write-ahead log in ${walDir}${wal || ''} and no permit at ${unit.permitFile}`,
  };
}

// Only the content tells this boot from an earlier one: outside systemd the file may lie on a disk.
async function isCleared(files: Files, path: string, bootId: string): Promise<boolean> {
  const content = await files.readText(path, clearanceBytesMax).catch(() => '');
  return content.trim() === bootId;
}

/** True, false, or in brackets why it is not known. */
async function hasWal(files: Files, walDir: string): Promise<boolean | string> {
  try {
    return (await files.list(walDir)).some((name) => name.endsWith('.wal') && !name.startsWith('.'));
  } catch (error) {
    if (error instanceof FileError && error.missing) {
      return false;
    }
    return ` (${error instanceof Error ? error.message : String(error)})`;
  }
}
