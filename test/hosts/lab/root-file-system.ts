/**
 * The root file system that all hosts begin from: this machine's own Debian release, with systemd and the
 * distribution's etcd package, its account and its unit included. Made once and kept, under a name that follows from
 * what is in it. etcd is installed and never started: what a host does with it is the test's business.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './commands.js';
import { cache, checkout } from './places.js';

const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'libstdc++6', 'openssh-server', 'sudo'],
  'etcd-server',
];
const disabledUnits = ['etcd.service', 'ssh.service'];
/** They would run when they like and download what they like. */
const maskedTimers = ['apt-daily', 'apt-daily-upgrade', 'dpkg-db-backup', 'e2scrub_all', 'fstrim'];
/** A minute on two cores and a near mirror. */
const makeMsMax = 240_000;

interface Archive {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly keyrings: readonly string[];
}

/** Its path; makes it where it is not there yet. */
export async function rootFileSystem(): Promise<string> {
  const archive = await ownArchive();
  const key = createHash('sha256')
    .update(JSON.stringify([archive.suite, packages, disabledUnits, maskedTimers]))
    .digest('hex')
    .slice(0, 12);
  const root = join(cache, `root-${archive.suite}-${key}`);
  if (existsSync(root)) return root;

  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache).filter((each) => each.startsWith('root-'))) {
    rmSync(join(cache, name), { recursive: true, force: true });
  }
  process.stderr.write(`hosts: making a Debian ${archive.suite} root file system, once (a minute or two)\n`);
  const half = `${root}.half`;
  await debootstrap(archive, half);
  // A package enables its service; the release's preset would do it again on a first boot.
  await must('systemctl', [`--root=${half}`, 'disable', ...disabledUnits]);
  await must('systemctl', [`--root=${half}`, 'mask', ...maskedTimers.map((name) => `${name}.timer`)]);
  renameSync(half, root);
  return root;
}

/** In a mount namespace of its own: what it mounts there goes with it, however it ends. */
async function debootstrap({ uri, suite, components, keyrings }: Archive, into: string): Promise<void> {
  const keyring = keyrings.find((path) => existsSync(path));
  await must(
    'unshare',
    [
      ...['--mount', 'debootstrap', '--variant=minbase'],
      `--include=${packages.join(',')}`,
      `--components=${components.join(',')}`,
      ...(keyring === undefined ? [] : [`--keyring=${keyring}`]),
      suite,
      into,
      uri,
    ],
    { timeoutMs: makeMsMax },
  );
}

/** As the setup finds it: the mirror that this machine's own apt uses. */
async function ownArchive(): Promise<Archive> {
  const module = (await import(join(checkout, 'scripts', 'setup', 'debian-mirror.mjs'))) as {
    ownArchive(): Archive | undefined;
  };
  const archive = module.ownArchive();
  if (archive === undefined) throw new Error('no Debian archive is configured for apt');
  return archive;
}
