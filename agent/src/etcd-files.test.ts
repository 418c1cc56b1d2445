import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxAccounts, linuxFiles, silentLogger, systemClock } from '@etcd-agent/platform';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { configSchema, pathsOf } from './config.js';
import { keepForeignPems } from './etcd-files.js';
import type { AgentHost } from './host.js';

let dir: string;
let host: AgentHost;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'etcd-files-'));
  const config = configSchema.parse({
    stateDir: join(dir, 'agent'),
    etcdConfigDir: join(dir, 'etc'),
    etcdUser: '',
  });
  host = {
    config,
    paths: pathsOf(config),
    clock: systemClock,
    files: linuxFiles,
    accounts: linuxAccounts,
    log: silentLogger,
  } as unknown as AgentHost;
  mkdirSync(join(dir, 'etc'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('a key that somebody else put in place is kept beside, private, however often it is tried', async () => {
  writeFileSync(host.paths.etcdKey, 'the only copy');
  await keepForeignPems(host);
  await keepForeignPems(host);
  expect(readdirSync(join(dir, 'etc'))).toEqual(['etcd-key.pem', 'etcd-key.pem.before-etcd-agent']);
  expect(readFileSync(`${host.paths.etcdKey}.before-etcd-agent`, 'utf8')).toBe('the only copy');
  expect(await linuxFiles.stat(`${host.paths.etcdKey}.before-etcd-agent`)).toMatchObject({ mode: 0o600 });
});

it('a second one does not replace the first', async () => {
  writeFileSync(host.paths.etcdKey, 'first');
  await keepForeignPems(host);
  writeFileSync(host.paths.etcdKey, 'second');
  await keepForeignPems(host);
  const kept = readdirSync(join(dir, 'etc')).filter((name) => name.includes('before'));
  expect(kept.map((name) => readFileSync(join(dir, 'etc', name), 'utf8')).sort()).toEqual([
    'first',
    'second',
  ]);
});
