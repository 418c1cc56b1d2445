import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxFiles } from '@etcd-agent/platform';
import { expect, it, onTestFinished } from 'vitest';
import { diskFacts } from './disk-facts.js';

function host() {
  const home = mkdtempSync(join(tmpdir(), 'disk-facts-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  return { home, files: linuxFiles, paths: { stateDir: join(home, 'etcd-agent') } };
}

it.each([
  ['the state of the agent', (home: string) => join(home, 'etcd-agent')],
  ['a directory in it', (home: string) => join(home, 'etcd-agent', 'etcd', 'data')],
  ['its configuration', () => '/etc/etcd-agent'],
  ['a directory in that', () => '/etc/etcd-agent/data'],
])('in %s, which a purge removes, no data may lie', async (_what, dataDir) => {
  const { home, ...here } = host();
  expect(await diskFacts(here, dataDir(home))).toEqual({
    kind: 'failed',
    why: expect.stringMatching(/, which a purge of the package etcd-agent removes$/),
    next: 'give the node another dataDir',
  });
  expect(readdirSync(home)).toEqual([]);
});

it('beside them it may, and nothing is left of the measuring', async () => {
  const { home, ...here } = host();
  expect(await diskFacts(here, join(home, 'etcd-agent.data'))).toMatchObject({ kind: 'measured' });
  expect(readdirSync(home)).toEqual([]);
});
