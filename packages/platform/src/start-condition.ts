/**
 * Rule one, for implementations that check it themselves (systemd checks the same two conditions through the unit).
 * An empty directory looks to etcd like a new member; only a deliberate permit may let that happen.
 */
import { join } from 'node:path';
import { FileError } from './file-error.js';
import type { Files } from './files.js';
import type { EtcdUnit } from './services.js';

export type StartCondition =
  | { readonly kind: 'met'; readonly because: 'wal' | 'permit' }
  | { readonly kind: 'unmet'; readonly why: string };

/** Where etcd keeps its write-ahead log: `walDir`, or `<dataDir>/member/wal`. */
export function walDirectory(unit: Pick<EtcdUnit, 'dataDir' | 'walDir'>): string {
  return unit.walDir ?? join(unit.dataDir, 'member', 'wal');
}

/** May etcd start? Yes when a `*.wal` exists or the permit does. What cannot be read counts as absent. */
export async function startCondition(files: Files, unit: EtcdUnit): Promise<StartCondition> {
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
