import { expect, test } from 'vitest';
import { standstill } from './standstill.js';

const turns = (localMs: number, healingMs: number) => [
  { loop: 'local files', turnedMs: localMs },
  { loop: 'healing', turnedMs: healingMs },
];
const calm = () => undefined;

test('loops that come round stand for an agent that works, however the disk is', () => {
  expect(standstill(turns(900, 500), 1_000, 500, () => 'libuv-worker')).toEqual({ kind: 'none' });
});

test('one loop that does not is enough, and is named', () => {
  expect(standstill(turns(999, 400), 1_000, 500, calm)).toEqual({
    kind: 'hangs',
    why: expect.stringContaining('over healing has'),
  });
  expect(standstill(turns(0, 0), 1_000, 500, calm)).toMatchObject({
    kind: 'hangs',
    why: expect.stringMatching(/local files.*healing/),
  });
});

test('a wait that the kernel does not end is not a hang', () => {
  expect(standstill(turns(0, 999), 1_000, 500, () => 'libuv-worker')).toEqual({
    kind: 'waitsForDisk',
    why: expect.stringContaining('libuv-worker waits for a disk'),
  });
});
