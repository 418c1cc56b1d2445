/** Room that is kept for a disk that fills up. The full disk is played here; a real one is in the integration tests. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError, linuxFiles } from '@etcd-agent/platform';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepReserve, withReserve } from './reserve.js';

let directory: string;
let path: string;
const full = new FileError('write', '/x', 'ENOSPC', 'no space left on device');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reserve-'));
  path = join(directory, 'reserve');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('is given up where the disk is full, and what failed is done once more', async () => {
  expect(await keepReserve(linuxFiles, path)).toBe(true);
  expect(statSync(path).size).toBe(256 * 1024);
  let tries = 0;
  const write = async () => {
    tries += 1;
    if (existsSync(path)) throw full;
    return 'written';
  };
  expect([await withReserve(linuxFiles, path, write), tries, existsSync(path)]).toEqual([
    'written',
    2,
    false,
  ]);
});

it('a disk that is full without it is full', async () => {
  await expect(withReserve(linuxFiles, path, () => Promise.reject(full))).rejects.toBe(full);
  const files = { ...linuxFiles, writeAtomic: () => Promise.reject(full) };
  expect(await keepReserve(files, path)).toBe(false);
});

it('what was given up a moment ago is not taken again', async () => {
  const files = { ...linuxFiles, freeBytes: async () => 300 * 1024 };
  expect([await keepReserve(files, path), existsSync(path)]).toEqual([false, false]);
});

it('is kept for no other failure', async () => {
  await keepReserve(linuxFiles, path);
  const denied = new FileError('write', '/x', 'EROFS', 'read-only file system');
  await expect(withReserve(linuxFiles, path, () => Promise.reject(denied))).rejects.toBe(denied);
  expect(existsSync(path)).toBe(true);
  const files = { ...linuxFiles, exists: () => Promise.reject(denied) };
  await expect(keepReserve(files, path)).rejects.toBe(denied);
});
