/** Debian's packages of etcd for hosts that have no way out: fetched once by this machine's own apt, and a repository of them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.js';
import { cache } from './places.js';

const packages = ['etcd-server', 'etcd-client'];
/** Of the host. */
const repository = '/opt/etcd-packages';

/** Their folder, kept beside the root file system. */
export function etcdPackages(): string {
  const folder = join(cache, 'etcd-packages');
  if (existsSync(folder)) return folder;
  const half = `${folder}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  execFileSync('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...packages], {
    cwd: half,
    stdio: 'pipe',
  });
  renameSync(half, folder);
  return folder;
}

/** As a package leaves it that was removed and not purged: the next one's service is enabled from the beginning. */
export function leftEnabled(host: Host): void {
  const wants = host.path('/etc/systemd/system/multi-user.target.wants');
  mkdirSync(wants, { recursive: true });
  symlinkSync('/lib/systemd/system/etcd.service', join(wants, 'etcd.service'));
}

/** The host's only source of packages from now on. */
export function giveRepository(host: Host, folder: string): void {
  const entries = readdirSync(folder).map((name) => {
    const bytes = readFileSync(join(folder, name));
    mkdirSync(host.path(repository), { recursive: true });
    copyFileSync(join(folder, name), join(host.path(repository), name));
    const control = execFileSync('dpkg-deb', ['-f', join(folder, name)], { encoding: 'utf8' });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return `${control.trim()}\nFilename: ./${name}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`;
  });
  writeFileSync(join(host.path(repository), 'Packages'), entries.join('\n'));
  host.write('/etc/apt/sources.list', `deb [trusted=yes] file:${repository} ./\n`);
}

/** As on a host that never had an etcd: before it is booted. Its account goes too. */
export function withoutEtcd(host: Host): void {
  const inHost = (...words: string[]) =>
    execFileSync('chroot', [host.path('/'), ...words], { stdio: 'pipe' });
  // Nothing runs there yet, so there is nothing to stop.
  const policy = host.path('/usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  inHost('dpkg', '--purge', 'etcd-server');
  rmSync(policy);
  for (const database of ['passwd', 'group', 'shadow', 'gshadow']) {
    const lines = readFileSync(host.path(`/etc/${database}`), 'utf8').split('\n');
    host.write(`/etc/${database}`, lines.filter((line) => !line.startsWith('etcd:')).join('\n'));
  }
  rmSync(host.path('/var/lib/etcd'), { recursive: true, force: true });
}
