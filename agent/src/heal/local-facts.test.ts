import { FileError } from '@etcd-agent/platform';
import { expect, test } from 'vitest';
import { endFacts, endOfLog, readThrough } from './local-facts.js';

/** A start at this second that ends in a damaged WAL, as etcd 3.4 says it under systemd. */
const damaged = (second: number) =>
  [
    'Starting etcd.service - etcd...',
    `{"level":"info","ts":"2026-01-01T00:00:${second}.000Z","msg":"configuring peer listeners"}`,
    `{"level":"fatal","ts":"2026-01-01T00:00:${second}.500Z","msg":"discovery failed","error":"walpb: crc mismatch"}`,
    'etcd.service: Main process exited, code=exited, status=1/FAILURE',
    '',
  ].join('\n');

const hostWith = (words: string) =>
  ({ services: { lastWords: async () => words }, log: { warn() {} } }) as unknown as Parameters<
    typeof endOfLog
  >[0];

test('a WAL that is damaged again, in the very same words, is counted anew', async () => {
  const first = damaged(10) + damaged(11) + damaged(12);
  expect(await endFacts(hostWith(first), '')).toMatchObject({ corruptInARow: 3, code: 'walCrc' });
  const former = await endOfLog(hostWith(first));
  expect(await endFacts(hostWith(first), former)).toMatchObject({ corruptInARow: 0 });
  const again = first + damaged(20) + damaged(21);
  expect(await endFacts(hostWith(again), former)).toMatchObject({ corruptInARow: 2, code: 'walCrc' });
});

test('where the end of the former data is not in the log any more, all that is there is of today', async () => {
  const former = await endOfLog(hostWith(damaged(10)));
  expect(await endFacts(hostWith(damaged(20)), former)).toMatchObject({ corruptInARow: 1 });
  expect(await endOfLog(hostWith('panic: somewhere\n'))).toBe('');
});

test('a database is read to its end, and a disk that fails under it is told from damage', async () => {
  const read: number[] = [];
  const files = (bytesOf: (offset: number, bytes: number) => number) => ({
    readRange: async (_path: string, offset: number, bytes: number) => {
      read.push(offset);
      return new Uint8Array(bytesOf(offset, bytes));
    },
  });
  const size = 9 * 1024 * 1024;
  expect(
    await readThrough(
      files((offset, bytes) => Math.min(bytes, size - offset)),
      '/data',
    ),
  ).toBeUndefined();
  expect(read).toEqual([0, 4, 8].map((mebibytes) => mebibytes * 1024 * 1024));
  const failing = {
    readRange: async (path: string, offset: number, bytes: number) => {
      if (offset > 0) throw new FileError('read', path, 'EIO', 'i/o error');
      return new Uint8Array(bytes);
    },
  };
  expect(await readThrough(failing, '/data')).toMatch(/member\/snap\/db.*i\/o error/);
});
