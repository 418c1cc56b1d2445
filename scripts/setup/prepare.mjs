// The whole setup in order: Node, dependencies, build, etcd. Everything is skipped when it is already there, so calling
// it again costs less than a second; every script calls it first.
import { mkdirSync, rmSync } from 'node:fs';
import { build } from './build.mjs';
import { capture } from './child.mjs';
import { ownArchive } from './debian-mirror.mjs';
import { openPackages } from './debian-packages.mjs';
import { installDependencies } from './dependencies.mjs';
import { addEtcd, cachedEtcds, installedEtcd, linkEtcd, testedSuites } from './etcd.mjs';
import { Failure } from './failure.mjs';
import { withLock } from './lock.mjs';
import { checkNode } from './node-version.mjs';
import { cache, scratch } from './paths.mjs';
import { warn } from './progress.mjs';
import { addCfssl, addFaketime, checkOpenssl, hasCfssl, hasFaketime } from './test-tools.mjs';

/**
 * Makes this checkout ready to run, or with `forTests` to be tested.
 * @param {{ forTests?: boolean }} options
 * @returns {Promise<{ etcd: string, missing: string[] }>} `etcd`: path of an etcd for the demo; `missing`: one sentence
 *   for each tested etcd that could not be had, always empty without `forTests`
 * @throws {Failure}
 */
export async function prepare({ forTests = false } = {}) {
  checkNode();
  return withLock(cache, async () => {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
    await installDependencies();
    await build();
    const missing = forTests ? await prepareTestTools() : [];
    return { etcd: await prepareEtcd(), missing };
  });
}

/** ETCD_BIN, else the machine's own etcd, else one unpacked from the machine's own distribution. */
async function prepareEtcd() {
  const installed = await installedEtcd();
  if (installed) return installed;
  const archive = ownArchive();
  const cached = cachedEtcds().find(({ suite }) => suite === archive?.suite) ?? cachedEtcds().at(-1);
  const chosen = cached ?? (await addOwnEtcd(archive));
  linkEtcd(chosen);
  return chosen.etcd;
}

async function addOwnEtcd(archive) {
  const own = await requireArchive(archive);
  const packages = await openPackages([own]);
  try {
    return await addEtcd(packages, own.suite);
  } finally {
    packages.close();
  }
}

/**
 * Every etcd the tests run, cfssl, libfaketime, openssl. A suite that the mirror does not have is a warning and not
 * the end: the other versions can still be tested, and the test run says at its end what it did not cover.
 */
async function prepareTestTools() {
  await checkOpenssl();
  const suites = Object.keys(testedSuites).filter(
    (name) => !cachedEtcds().some(({ suite }) => suite === name),
  );
  if (suites.length === 0 && hasCfssl() && hasFaketime()) return [];
  const own = await requireArchive(ownArchive());
  const uri = process.env.ETCD_AGENT_DEBIAN_MIRROR ?? own.uri;
  const debian = suites
    .filter((suite) => suite !== own.suite)
    .map((suite) => ({ ...own, uri, suite, components: ['main'] }));
  const needsOwn = suites.includes(own.suite) || !hasCfssl() || !hasFaketime();
  const packages = await openPackages(needsOwn ? [own, ...debian] : debian);
  try {
    if (!hasCfssl()) await addCfssl(packages, own.suite);
    if (!hasFaketime()) await addFaketime(packages, own.suite);
    return await addSuites(packages, suites);
  } finally {
    packages.close();
  }
}

async function addSuites(packages, suites) {
  const failures = [];
  for (const suite of suites) {
    try {
      const { version } = await addEtcd(packages, suite);
      const expected = testedSuites[suite];
      if (version !== expected)
        warn(`Debian ${suite} now has etcd ${version}; these tests were written with ${expected}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push({ suite, error });
    }
  }
  if (cachedEtcds().length === 0 && failures.length > 0) throw failures[0].error;
  return failures.map(({ suite, error }) => {
    const { what, cause, next, log } = error.facts;
    const sentence = `etcd ${testedSuites[suite]} is not tested here: ${what}${cause ? `; ${cause}` : ''}`;
    warn(`${sentence}\n  next: ${next}${log ? `\n  log:  ${log}` : ''}`);
    return sentence;
  });
}

async function requireArchive(archive) {
  const hasApt = (await capture('apt-get', ['--version']).catch(() => undefined))?.code === 0;
  if (hasApt && archive) return archive;
  throw new Failure({
    what: 'there is no etcd here, and none can be fetched',
    where: 'ETCD_BIN, then etcd on PATH, then the packages of the system',
    cause: hasApt
      ? 'no package mirror in /etc/apt/sources.list or /etc/apt/sources.list.d'
      : 'no apt-get: not a Debian-like system',
    next: 'install etcd 3.3 or newer with your package manager, or set ETCD_BIN=/path/to/etcd',
  });
}
