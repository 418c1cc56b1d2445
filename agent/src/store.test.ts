/** Preparing the agent's directories: nothing that belongs to somebody else is made private. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxFiles } from '@etcd-agent/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, pathsOf } from './config.js';
import { Store } from './store.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const stateDir = () => join(dir, 'state');
const runDir = () => join(dir, 'run');
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

function prepare(): Promise<void> {
  const config = loadConfig({
    file: undefined,
    environment: { ETCD_AGENT_CONFIG: '/dev/null' },
    flags: { stateDir: stateDir(), runDir: runDir() },
  });
  return new Store(linuxFiles, pathsOf(config)).prepare();
}

describe('the state directory of an agent', () => {
  it("is private, whether it is new, empty, or the agent's own already", async () => {
    await prepare();
    expect(modeOf(stateDir())).toBe('700');
    writeFileSync(join(stateDir(), 'join-token'), '');
    await prepare();
    rmSync(stateDir(), { recursive: true });
    mkdirSync(stateDir(), { mode: 0o755 });
    await prepare();
    expect(modeOf(stateDir())).toBe('700');
  });

  it('is taken again after a power cut in the very first write', async () => {
    await prepare();
    writeFileSync(join(stateDir(), '.join-token.12.0123456789ab.etcd-agent-tmp'), '');
    await prepare();
  });

  it.each(['hello.c', '.bashrc', 'keys.txt'])(
    'is refused where only %s is in it, and keeps its mode: it may be /tmp',
    async (name) => {
      mkdirSync(stateDir());
      chmodSync(stateDir(), 0o1777);
      mkdirSync(join(stateDir(), 'keys'));
      writeFileSync(join(stateDir(), name), '');
      await expect(prepare()).rejects.toMatchObject({
        message: `${stateDir()} (stateDir) is not empty and holds nothing of etcd-agent; it was left as it is`,
        next: expect.stringContaining('--state-dir'),
      });
      expect(modeOf(stateDir())).toBe('1777');
      expect(readdirSync(stateDir()).sort()).toEqual(['keys', name].sort());
    },
  );
});

describe('the run directory', () => {
  it('keeps the mode it has where it exists', async () => {
    mkdirSync(runDir());
    chmodSync(runDir(), 0o1777);
    await prepare();
    expect(modeOf(runDir())).toBe('1777');
    rmSync(runDir(), { recursive: true });
    await prepare();
    expect(modeOf(runDir())).toBe('755');
  });
});
