// Laying out what is in a package as files below a folder, for the tools that pack them. Modes and times are set whatever the
// umask and the clock of this machine are.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @param {string} folder new
 * @param {import('./contents.mjs').Entry[]} entries
 * @param {number} seconds time of all of them
 */
export function stage(folder, entries, seconds) {
  mkdirSync(folder, { recursive: true });
  for (const { path, mode, contents, from } of entries) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    if (from === undefined) writeFileSync(file, contents);
    else copyFileSync(from, file);
    chmodSync(file, mode);
  }
  settle(folder, seconds);
}

function settle(folder, seconds) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) settle(path, seconds);
    else utimesSync(path, seconds, seconds);
  }
  chmodSync(folder, 0o755);
  utimesSync(folder, seconds, seconds);
}
