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
import { packageSteps } from './plan/package-commands.js';

class PowerCut extends Error {}

/** A host, as far as an installation sees it; `cutAt` is the number of the effect that does not come about any more. */
class Machine {
  masked = false;
  enabled = false;
  installed = false;
  tried: string[] = [];
  /** By a file, say, after an installation by packages was cut short. */
  hasMember = false;
  answer: 'works' | 'fails' | 'doesNotEnd' = 'works';
  /** Of an administrator, in the place of a mask. */
  ownUnit: string | undefined;
  cutAt = Number.POSITIVE_INFINITY;
  effects = 0;

  constructor(
    readonly home: string,
    readonly manager: 'apt' | 'dnf' = 'apt',
  ) {}

  /** A boot would start an etcd. */
  get selfStarts(): boolean {
    return this.installed && this.enabled && !this.masked;
  }

  effect(change: () => void): void {
    this.effects += 1;
    if (this.effects >= this.cutAt) throw new PowerCut();
    change();
    // The package enables its service; with a mask in place it is not started.
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
        path.startsWith('/usr/') ? path === programs[this.manager].path : linuxFiles.exists(path),
      readText: async (path) => {
        if (path === '/etc/os-release') return `ID=${programs[this.manager].os}\n`;
        if (path === '/etc/systemd/system/etcd.service' && this.ownUnit !== undefined) return this.ownUnit;
        return linuxFiles.readText(path);
      },
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
    const ports = { services, files, log, paths, config, store } as unknown as AgentHost;
    return new PackageInstaller(
      ports,
      { run: async (unit) => this.transient(unit), settle: async () => {} },
      async () => (this.installed ? 'installed' : 'not-installed'),
    );
  }

  private transient({ name }: TransientUnit) {
    this.tried.push(name);
    if (name !== `etcd-agent-${this.manager}-install`) return { kind: 'succeeded' } as const;
    if (this.answer === 'fails') return { ...failed, tail: programs[this.manager].noEtcd, mayRun: false };
    if (this.answer === 'doesNotEnd') return { ...failed, tail: '', mayRun: true };
    this.effect(() => {
      this.installed = true;
      this.enabled = true;
    });
    return { kind: 'succeeded' } as const;
  }
}

const programs = {
  apt: { path: '/usr/bin/apt-get', os: 'debian', noEtcd: 'E: Unable to locate package etcd-server' },
  dnf: { path: '/usr/bin/dnf', os: 'rhel', noEtcd: 'Error: Unable to find a match: etcd' },
};
const failed = { kind: 'failed', why: 'it exited with 100' } as const;

let host: Machine;
afterEach(() => rmSync(host.home, { recursive: true }));

/** The end does not matter here: the host's etcd is none. */
const install = () =>
  host
    .installer()
    .install()
    .catch((error: unknown) => {
      if (error instanceof PowerCut) throw error;
    });

describe.each(['apt', 'dnf'] as const)('an installation by %s', (manager) => {
  beforeEach(() => {
    host = new Machine(mkdtempSync(join(tmpdir(), 'package-')), manager);
  });

  it('masks, installs, disables, and takes its mask away', async () => {
    await install();
    expect(host).toMatchObject({ installed: true, enabled: false, masked: false });
    expect(await host.installer().unfinished()).toBe(false);
    expect(host.tried).toEqual(packageSteps(manager, false).map(({ name }) => name));
  });

  it('is refused where an administrator’s unit stands in the place of a mask, and nothing is left of it', async () => {
    host.ownUnit = '[Service]\nExecStart=/opt/etcd\n';
    await expect(host.installer().install()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('it cannot be masked'),
    });
    expect(host).toMatchObject({ effects: 0, tried: [] });
    expect(await host.installer().unfinished()).toBe(false);
  });

  it('that may still be at work stays masked until its end is known', async () => {
    host.answer = 'doesNotEnd';
    await expect(host.installer().install()).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('may still be at work'),
    });
    expect(host.masked).toBe(true);
    // It does end.
    Object.assign(host, { installed: true, enabled: true, answer: 'works' });
    await host.installer().finish();
    expect(host).toMatchObject({ installed: true, enabled: false, masked: false });
  });

  it('leaves an operator’s own mask where it is', async () => {
    host.masked = true;
    await install();
    expect(host).toMatchObject({ installed: true, masked: true });
  });

  it('that finds no package leaves neither mask nor record', async () => {
    host.answer = 'fails';
    await expect(host.installer().install()).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('have no etcd'),
      hint: expect.stringContaining('from: file'),
    });
    expect(host.masked).toBe(false);
    expect(await host.installer().unfinished()).toBe(false);
  });

  it('that was cut short does not disable the etcd of a member that has come by another way', async () => {
    // The record is written; then the power goes.
    host.cutAt = 2;
    await install().catch(() => {});
    Object.assign(host, {
      cutAt: Number.POSITIVE_INFINITY,
      installed: true,
      hasMember: true,
      masked: false,
    });
    host.enabled = true;
    await host.installer().finish();
    expect(host).toMatchObject({ enabled: true, masked: false });
    expect(await host.installer().unfinished()).toBe(false);
  });

  // Seven effects; more of them, to see that there are no others.
  it.each(Array.from({ length: 9 }, (_, index) => index + 1))(
    'cut at its step %i is finished after the boot',
    async (cutAt) => {
      host.cutAt = cutAt;
      await install().catch(() => {});
      expect(host.selfStarts).toBe(false);
      host.cutAt = Number.POSITIVE_INFINITY;
      await host.installer().finish();
      expect(host.masked).toBe(false);
      expect(host.selfStarts).toBe(false);
      expect(await host.installer().unfinished()).toBe(false);
      await install();
      expect(host).toMatchObject({ installed: true, enabled: false, masked: false });
    },
  );
});
