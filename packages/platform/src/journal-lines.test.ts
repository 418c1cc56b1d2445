import { expect, test } from 'vitest';
import { linesByRun } from './journal-lines.js';

const systemd = (run: string, message: string) => ({
  _PID: '1',
  _TRANSPORT: 'journal',
  INVOCATION_ID: run,
  MESSAGE: message,
});
const etcd = (run: string, by: 'journal' | 'stdout', message: unknown) => ({
  _PID: '285',
  _TRANSPORT: by,
  _SYSTEMD_INVOCATION_ID: run,
  MESSAGE: message,
});
const journal = (...entries: object[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

test('the lines of a run stand together, its last words before its end, however they arrived', () => {
  const text = journal(
    systemd('a', 'Starting etcd.service'),
    etcd('a', 'journal', 'variable A'),
    etcd('a', 'stdout', 'already initialized'),
    etcd('a', 'journal', 'variable B'),
    systemd('a', 'Main process exited'),
    etcd('a', 'stdout', 'crc mismatch'),
    systemd('a', 'Failed'),
    systemd('b', 'Starting etcd.service'),
    etcd('a', 'stdout', 'late'),
    etcd('b', 'stdout', 'crc mismatch'),
    systemd('b', 'Main process exited'),
  );
  expect(linesByRun(text).trimEnd().split('\n')).toEqual([
    'Starting etcd.service',
    'variable A',
    'variable B',
    'already initialized',
    'crc mismatch',
    'late',
    'Main process exited',
    'Failed',
    'Starting etcd.service',
    'crc mismatch',
    'Main process exited',
  ]);
});

test('of a run that lost its beginning, what systemd says of it is its end', () => {
  const text = journal(etcd('a', 'stdout', 'last words'), systemd('a', 'Main process exited'));
  expect(linesByRun(text)).toBe('last words\nMain process exited\n');
});

test('where systemd does not tell runs apart, the order is that of arrival', () => {
  const { INVOCATION_ID: _, ...exited } = systemd('', 'Main process exited');
  expect(linesByRun(journal(exited, etcd('a', 'stdout', 'late')))).toBe('Main process exited\nlate\n');
});

test('bytes that are no UTF-8 are read; what is no entry is an empty line', () => {
  expect(linesByRun(`${journal({ MESSAGE: [0x61, 0xff, 0x62] }, { MESSAGE: null })}{\n`)).toBe(
    'a\ufffdb\n\n\n',
  );
});
