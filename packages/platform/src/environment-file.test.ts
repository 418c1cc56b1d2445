import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEnvironment } from './environment-file.js';

test('quoted, bare and commented lines are read as systemd reads them; the last assignment wins', () => {
  const text = [
    '#[Member]',
    '; also a comment',
    'ETCD_NAME="etcd0"',
    'ETCD_HEARTBEAT_INTERVAL=500',
    "  ETCD_DATA_DIR = '/var/lib/$x\\'  ",
    'ETCD_EMPTY=',
    'not an assignment',
    'export ETCD_X=1',
    'ETCD_HASH="a#b" # behind the closing quote',
    'ETCD_NAME="etcd1"',
  ].join('\n');
  expect(readEnvironment(text)).toEqual({
    kind: 'values',
    values: {
      ETCD_NAME: 'etcd1',
      ETCD_HEARTBEAT_INTERVAL: '500',
      ETCD_DATA_DIR: '/var/lib/$x\\',
      ETCD_EMPTY: '',
      ETCD_HASH: 'a#b',
    },
  });
});

test.each([
  ['ETCD_A="1"\nETCD_B="two', 2],
  ["ETCD_A='", 1],
  ['ETCD_A=one \\\ntwo', 1],
  ['ETCD_A="ends escaped\\"', 1],
])('a value that would swallow the next line is reported with its line: %j', (text, line) => {
  expect(readEnvironment(text)).toEqual({ kind: 'unterminated', line });
});

test('any value without control characters survives being written in double quotes', () => {
  const value = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '$', '`', ' ', "'", '#', '=', 'é'),
    maxLength: 20,
  });
  fc.assert(
    fc.property(value, (original) => {
      const line = `KEY="${original.replace(/["\\`$]/g, '\\$&')}"`;
      expect(readEnvironment(line)).toEqual({ kind: 'values', values: { KEY: original } });
    }),
  );
});
