/** Room that is kept for a disk that fills up. The full disk is played here; a real one is in the integration tests. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError, linuxFiles } from '@etcd-agent/platform';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HealStore } from './heal/memory.js';
import { keepReserve, withReserve } from './reserve.js';

let directory: string;
let path: string;
const full = new FileError('write', '/x', 'ENOSPC', 'no space left on device');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reserve-'));
  path = join(directory, 'reserve');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('stays where there is room', async () => {
  expect(await keepReserve(linuxFiles, path)).toBe(true);
  expect(statSync(path).size).toBe(256 * 1024);
  expect(await withReserve(linuxFiles, path, async () => 'written')).toEqual({
    value: 'written',
    spent: false,
  });
  expect(existsSync(path)).toBe(true);
});

it('is given up before anything is written where next to nothing is free', async () => {
  await keepReserve(linuxFiles, path);
  const files = { ...linuxFiles, freeBytes: async () => 4_096 };
  const there = await withReserve(files, path, async () => existsSync(path));
  expect(there).toEqual({ value: false, spent: true });
});

it('is given up where a write fails though bytes are free, as without inodes, and the write is done once more', async () => {
  await keepReserve(linuxFiles, path);
  let tries = 0;
  const write = async () => {
    tries += 1;
    if (existsSync(path)) throw full;
  };
  expect(await withReserve(linuxFiles, path, write)).toMatchObject({ spent: true });
  expect(tries).toBe(2);
});

it('a disk that is full without it is full', async () => {
  let tries = 0;
  const write = () => {
    tries += 1;
    return Promise.reject(full);
  };
  await expect(withReserve(linuxFiles, path, write)).rejects.toBe(full);
  expect(tries).toBe(2);
  expect(await keepReserve({ ...linuxFiles, writeAtomic: () => Promise.reject(full) }, path)).toBe(false);
});

it('is given up for no other failure', async () => {
  await keepReserve(linuxFiles, path);
  const denied = new FileError('write', '/x', 'EROFS', 'read-only file system');
  await expect(withReserve(linuxFiles, path, () => Promise.reject(denied))).rejects.toBe(denied);
  expect(existsSync(path)).toBe(true);
  const files = { ...linuxFiles, exists: () => Promise.reject(denied) };
  await expect(keepReserve(files, path)).rejects.toBe(denied);
});

it('is given up for the journal of a repair, which would stand still otherwise', async () => {
  await keepReserve(linuxFiles, path);
  const writeAtomic: typeof linuxFiles.writeAtomic = async (...written) => {
    if (existsSync(path)) throw full;
    await linuxFiles.writeAtomic(...written);
  };
  const repair = join(directory, 'repair.json');
  const paths = { repair, reserve: path } as ConstructorParameters<typeof HealStore>[1];
  const journal = { stage: 'removing' } as Parameters<HealStore['keepJournal']>[0];
  await new HealStore({ ...linuxFiles, writeAtomic }, paths).keepJournal(journal);
  expect(existsSync(path)).toBe(false);
  expect(existsSync(repair)).toBe(true);
});
