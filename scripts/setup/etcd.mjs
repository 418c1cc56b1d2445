// The etcd binaries under `.cache/etcd/<version>/`, and the list of them, `.cache/etcd/index.json`:
//   [{ "suite": "bookworm", "version": "3.4.23", "etcd": "/abs/path/etcd", "etcdctl": "/abs/path/etcdctl" }]
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { capture } from './child.mjs';
import { Failure } from './failure.mjs';
import { cache } from './paths.mjs';

/**
 * The Debian suites whose etcds the tests run, with the version each had when the tests were written. A stable suite
 * keeps its version; forky moves until it is released.
 */
export const testedSuites = { bullseye: '3.3.25', bookworm: '3.4.23', trixie: '3.5.16', forky: '3.5.30' };

const home = join(cache, 'etcd');
const indexFile = join(home, 'index.json');

/** @typedef {{ suite: string, version: string, etcd: string, etcdctl: string }} CachedEtcd */

/** What is in the cache and still there. @returns {CachedEtcd[]} */
export function cachedEtcds() {
  if (!existsSync(indexFile)) return [];
  const entries = JSON.parse(readFileSync(indexFile, 'utf8'));
  return entries.filter(({ etcd, etcdctl }) => existsSync(etcd) && existsSync(etcdctl));
}

/**
 * The etcd that this machine already has: `ETCD_BIN`, else `etcd` on PATH.
 * @returns {Promise<string | undefined>} its absolute path, undefined when there is none that can be used
 * @throws {Failure} when ETCD_BIN is set and is not a usable etcd
 */
export async function installedEtcd() {
  const named = process.env.ETCD_BIN;
  if (named) {
    const version = await etcdVersion(named);
    if (isUsable(version)) return named;
    throw new Failure({
      what: version
        ? `etcd ${version} is not supported (3.3 or newer, not 3.5.0–3.5.2)`
        : 'ETCD_BIN is not an etcd',
      where: `ETCD_BIN=${named}`,
      next: 'point ETCD_BIN at an etcd binary, or unset it to have one downloaded',
    });
  }
  const onPath = (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder || '.', 'etcd'))
    .find(isExecutable);
  return onPath && isUsable(await etcdVersion(onPath)) ? onPath : undefined;
}

/**
 * Unpacks etcd and etcdctl of a suite into the cache and lists them.
 * @param {{ unpack(suite: string, packages: string[]): Promise<string> }} packages
 * @returns {Promise<CachedEtcd>} its version is what the binary says, not what was expected
 */
export async function addEtcd(packages, suite) {
  const files = await packages.unpack(suite, ['etcd-server', 'etcd-client']);
  const version = await etcdVersion(join(files, 'usr', 'bin', 'etcd'));
  if (!version) {
    throw new Failure({ what: `the etcd of ${suite} does not run on this machine`, where: 'etcd --version' });
  }
  // Gathered beside the packages and moved in one piece: a version folder is whole or absent.
  const whole = join(dirname(files), 'whole');
  mkdirSync(whole);
  for (const name of ['etcd', 'etcdctl']) renameSync(join(files, 'usr', 'bin', name), join(whole, name));
  const folder = join(home, version);
  mkdirSync(home, { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  renameSync(whole, folder);
  const entry = { suite, version, etcd: join(folder, 'etcd'), etcdctl: join(folder, 'etcdctl') };
  writeIndex([...cachedEtcds().filter((other) => other.suite !== suite), entry]);
  return entry;
}

/** Where a cached etcd and its etcdctl are found whatever version they are, for a PATH. */
export const etcdBin = join(home, 'bin');

/** @param {CachedEtcd} entry the one that `etcdBin` names from now on */
export function linkEtcd({ etcd }) {
  const version = basename(dirname(etcd));
  if (existsSync(etcdBin) && readlinkSync(etcdBin) === version) return;
  rmSync(etcdBin, { force: true });
  symlinkSync(version, etcdBin);
}

function writeIndex(entries) {
  const half = `${indexFile}.tmp`;
  const sorted = entries.sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
  writeFileSync(half, `${JSON.stringify(sorted, null, 2)}\n`);
  renameSync(half, indexFile);
}

/** @returns {Promise<string | undefined>} such as `3.4.23`; undefined when it is not an etcd or does not run */
async function etcdVersion(binary) {
  // On architectures etcd calls unsupported it refuses to start, even for --version, unless told otherwise.
  const env = { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch === 'arm64' ? 'arm64' : '' };
  if (!env.ETCD_UNSUPPORTED_ARCH) delete env.ETCD_UNSUPPORTED_ARCH;
  const result = await capture(binary, ['--version'], { env }).catch(() => undefined);
  return result?.code === 0 ? /^etcd Version: (\d+\.\d+\.\d+)/m.exec(result.stdout)?.[1] : undefined;
}

/** 3.3 is the oldest that is tested; 3.5.0–3.5.2 can lose data silently. */
function isUsable(version) {
  if (!version) return false;
  const [major, minor, patch] = version.split('.').map(Number);
  if (major !== 3) return major > 3;
  return minor >= 3 && !(minor === 5 && patch <= 2);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
