import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxFiles, silentLogger, systemClock } from '@etcd-agent/platform';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEvents } from './events.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'events-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('of two that are recorded at once where the file is full, both are kept, and so is the full file', async () => {
  const path = join(directory, 'events.jsonl');
  // A line that is no event is passed over, and takes its room.
  writeFileSync(path, `${'x'.repeat(1024 * 1024)}\n`);
  const events = await openEvents({ files: linuxFiles, clock: systemClock, log: silentLogger, path });
  await Promise.all([
    events.record('operator', 'pause', 'the first'),
    events.record('waiting', 'quorumLost', 'the second'),
  ]);
  expect(readFileSync(path, 'utf8').match(/the (first|second)/g)).toEqual(['the first', 'the second']);
  expect(readFileSync(`${path}.1`, 'utf8')).toContain('xxx');
});
