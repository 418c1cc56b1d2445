/** What a directory looks like to the byte, to the minute: two equal fingerprints mean that nobody touched it. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every file's content hash, mode, inode and modification time, by relative path. `[]` for a directory that is not there. */
export function fingerprint(dir: string, ignore: RegExp = /$^/): string[] {
  return visit(dir, '', ignore);
}

function visit(dir: string, below: string, ignore: RegExp): string[] {
  const path = join(dir, below);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined || (below !== '' && ignore.test(below))) return [];
  const { mode, ino, mtimeMs } = status;
  const line = `${below || '.'} ${mode.toString(8)} inode ${ino} modified ${new Date(mtimeMs).toISOString()}`;
  if (status.isDirectory()) {
    const names = readdirSync(path).sort();
    return [line, ...names.flatMap((name) => visit(dir, below === '' ? name : `${below}/${name}`, ignore))];
  }
  const hash = status.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'no file';
  return [`${line} ${hash}`];
}
