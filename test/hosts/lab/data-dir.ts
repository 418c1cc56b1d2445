/** Looking at a host's etcd data, and damaging it, from outside the host. etcd must not run on it. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isWalSegment, WalTailReader } from '@etcd-agent/etcd';

export function walDir(dataDir: string): string {
  return join(dataDir, 'member', 'wal');
}

/** Over the names and bytes of all files below. */
export function treeHash(directory: string): string {
  const hash = createHash('sha256');
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  for (const path of files.sort()) hash.update(path.slice(directory.length)).update(readFileSync(path));
  return hash.digest('hex');
}

/** Of the last entry in the log. */
export function lastIndex(walDirectory: string): number {
  const reader = new WalTailReader();
  for (const [at, path] of segments(walDirectory).slice(-2).entries()) {
    if (at > 0) reader.nextSegment();
    reader.feed(readFileSync(path));
  }
  const tail = reader.end();
  if (tail.kind !== 'position') throw new Error(`${walDirectory}: ${tail.kind}`);
  return Number(tail.lastIndex);
}

/**
 * Flips some bytes half way through what has been written of the newest segment: within a key that contains `text`, so
 * that the length of no record changes. A wrong length may look like a write that was cut off, which is another story.
 */
export function flipBytes(walDirectory: string, text: string): void {
  const newest = segments(walDirectory).at(-1);
  if (newest === undefined) throw new Error(`${walDirectory} has no segment`);
  const file = openSync(newest, 'r+');
  try {
    const bytes = readFileSync(file);
    const at = bytes.indexOf(text, bytes.lastIndexOf(text) / 2);
    if (at < 0) throw new Error(`${newest} has no ${text}`);
    const flipped = bytes.subarray(at, at + text.length).map((byte) => byte ^ 0xff);
    writeSync(file, flipped, 0, flipped.length, at);
  } finally {
    closeSync(file);
  }
}

function segments(walDirectory: string): string[] {
  const names = readdirSync(walDirectory).filter(isWalSegment).sort();
  return names.map((name) => join(walDirectory, name));
}
