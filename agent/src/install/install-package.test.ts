/**
 * The package manager, with the power cut at every step: whatever is left, nobody's etcd is started by a boot, the mask goes
 * in the end, and an operator's own mask stays.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Files, linuxFiles, type TransientUnit } from '@etcd-agent/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentHost } from '../host.js';
import { PackageInstaller } from './install-package.js';

class PowerCut extends Error {}

/** A Debian, as far as an installation sees it; `cutAt` is the number of the effect that does not come about any more. */
class Debian {
  masked = false;
  enabled = false;
  installed = false;
  tried: string[] = [];
  /** By a file, say, after an installation by packages was cut short. */
  hasMember = false;
  answer: 'works' | 'fails' = 'works';
  cutAt = Number.POSITIVE_INFINITY;
  effects = 0;

  constructor(readonly home: string) {}

  /** A boot would start an etcd. */
  get selfStarts(): boolean {
    return this.installed && this.enabled && !this.masked;
  }

  effect(change: () => void): void {
    this.effects += 1;
    if (this.effects >= this.cutAt) throw new PowerCut();
    change();
    // Debian's package enables its service; with a mask in place it is not started.
    if (!this.hasMember) expect(this.selfStarts).toBe(false);
  }

  installer(): PackageInstaller {
    const act = async (change: () => void) => this.effect(change);
    const services = {
      kind: 'systemd',
      readUnit: async () =>
        this.masked
          ? { kind: 'masked' }
          : this.installed
            ? { kind: 'loaded', fragmentPath: '/lib/x' }
            : { kind: 'missing' },
      mask: () => act(() => (this.masked = true)),
      unmask: () => act(() => (this.masked = false)),
      disable: () =>
        act(() => {
          if (!this.installed && !this.masked) throw new Error('Unit file etcd.service does not exist.');
          this.enabled = false;
        }),
    };
    const files: Files = {
      ...linuxFiles,
      exists: async (path) =>
        path.startsWith('/usr/') ? path === '/usr/bin/apt-get' : linuxFiles.exists(path),
      readText: async (path) => (path === '/etc/os-release' ? 'ID=debian\n' : linuxFiles.readText(path)),
      writeAtomic: async (path, data, options) => {
        this.effect(() => {});
        await linuxFiles.writeAtomic(path, data, options);
      },
      remove: async (path) => {
        this.effect(() => {});
        await linuxFiles.remove(path);
      },
    };
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const paths = {
      packageInstall: join(this.home, 'package-install.json'),
      packageOutput: join(this.home, 'log'),
    };
    const config = { etcdBinary: process.execPath };
    const store = { spec: async () => (this.hasMember ? {} : undefined) };
    const host = { services, files, log, paths, config, store } as unknown as AgentHost;
    return new PackageInstaller(
      host,
      { run: async (unit) => this.transient(unit), settle: async () => {} },
      async () => (this.installed ? 'installed' : 'not-installed'),
    );
  }

  private transient({ name }: TransientUnit) {
    this.tried.push(name);
    if (name !== 'etcd-agent-apt-install') return { kind: 'succeeded' } as const;
    if (this.answer === 'fails')
      return {
        kind: 'failed',
        why: 'apt-get exited with 100',
        tail: 'E: Unable to locate package etcd-server',
      } as const;
    this.effect(() => {
      this.installed = true;
      this.enabled = true;
    });
    return { kind: 'succeeded' } as const;
  }
}

let debian: Debian;
beforeEach(() => {
  debian = new Debian(mkdtempSync(join(tmpdir(), 'package-')));
});
afterEach(() => rmSync(debian.home, { recursive: true }));

/** The end does not matter here: the host's etcd is none. */
const install = () =>
  debian
    .installer()
    .install()
    .catch((error: unknown) => {
      if (error instanceof PowerCut) throw error;
    });

describe('an installation of Debian’s package', () => {
  it('masks, installs, disables, and takes its mask away', async () => {
    await install();
    expect(debian).toMatchObject({ installed: true, enabled: false, masked: false });
    expect(await debian.installer().unfinished()).toBe(false);
    expect(debian.tried).toEqual(['etcd-agent-apt-update', 'etcd-agent-apt-install']);
  });

  it('leaves an operator’s own mask where it is', async () => {
    debian.masked = true;
    await install();
    expect(debian).toMatchObject({ installed: true, masked: true });
  });

  it('that finds no package leaves neither mask nor record', async () => {
    debian.answer = 'fails';
    await expect(debian.installer().install()).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('have no etcd'),
      hint: expect.stringContaining('from: file'),
    });
    expect(debian.masked).toBe(false);
    expect(await debian.installer().unfinished()).toBe(false);
  });

  it('that was cut short does not disable the etcd of a member that has come by another way', async () => {
    // The record is written; then the power goes.
    debian.cutAt = 2;
    await install().catch(() => {});
    Object.assign(debian, {
      cutAt: Number.POSITIVE_INFINITY,
      installed: true,
      hasMember: true,
      masked: false,
    });
    debian.enabled = true;
    await debian.installer().finish();
    expect(debian).toMatchObject({ enabled: true, masked: false });
    expect(await debian.installer().unfinished()).toBe(false);
  });

  // Seven effects; more of them, to see that there are no others.
  it.each(Array.from({ length: 9 }, (_, index) => index + 1))(
    'cut at its step %i is finished after the boot',
    async (cutAt) => {
      debian.cutAt = cutAt;
      await install().catch(() => {});
      expect(debian.selfStarts).toBe(false);
      debian.cutAt = Number.POSITIVE_INFINITY;
      await debian.installer().finish();
      expect(debian.masked).toBe(false);
      expect(debian.selfStarts).toBe(false);
      expect(await debian.installer().unfinished()).toBe(false);
      await install();
      expect(debian).toMatchObject({ installed: true, enabled: false, masked: false });
    },
  );
});
