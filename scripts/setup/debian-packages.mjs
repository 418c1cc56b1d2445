// Debian packages unpacked into a folder of ours: nothing is installed, no maintainer script runs, no service starts
// (Debian's etcd-server starts itself when installed) and no root is needed. apt does the fetching and the checking of
// signatures, from directories of its own, so the machine's apt state is neither needed nor changed.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { capture, run, writeLog } from './child.mjs';
import { Failure, likelyCause } from './failure.mjs';
import { scratch } from './paths.mjs';
import { step } from './progress.mjs';

/**
 * Fetches the package lists of some suites.
 * @param {import('./debian-mirror.mjs').Archive[]} archives one per suite
 * @returns {Promise<{ unpack(suite: string, packages: string[]): Promise<string>, close(): void }>} `unpack` returns a
 *   new folder holding the packages' files and throws a Failure that names the suite; `close` removes what is left
 */
export async function openPackages(archives) {
  mkdirSync(scratch, { recursive: true });
  const home = mkdtempSync(join(scratch, 'apt-'));
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: await writeConfig(home, archives) };
  const suites = archives.map(({ suite }) => suite).join(', ');
  // Its exit code says little: one suite that is gone makes it fail although the others are there, and an unreachable
  // mirror makes it succeed with a warning. Whether a package can be had is seen when it is asked for.
  const update = await step(`reading package lists (${suites})`, () =>
    capture('apt-get', ['update'], { env }),
  );
  const log = writeLog('apt-update', update.output);

  return {
    async unpack(suite, packages) {
      const folder = mkdtempSync(join(home, `${suite}-`));
      const requests = packages.map((name) => `${name}/${suite}`);
      const download = await step(`downloading ${packages.join(', ')} from ${suite}`, () =>
        capture('apt-get', ['download', ...requests], { cwd: folder, env }),
      );
      if (download.code !== 0) throw notAvailable(suite, packages, update.output, download.output, log);
      const files = join(folder, 'files');
      for (const deb of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
        await run('dpkg', ['-x', join(folder, deb), files], {
          log: 'dpkg',
          what: `${deb} could not be unpacked`,
        });
      }
      return files;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The lines about this suite say why; an unreachable mirror and a suite that moved away read quite differently. */
function notAvailable(suite, packages, updateOutput, downloadOutput, log) {
  const aboutSuite = updateOutput
    .split('\n')
    .filter(
      (line) =>
        /^(E|W|Err):/.test(line) && (line.includes(` ${suite} `) || line.includes(`/dists/${suite}/`)),
    );
  const reasons = aboutSuite.length > 0 ? aboutSuite.join('\n') : `${updateOutput}\n${downloadOutput}`;
  const problems = `${updateOutput}\n${downloadOutput}`
    .split('\n')
    .filter((line) => /^(E|W|Err):?/.test(line));
  const unsigned = /NO_PUBKEY|not signed|signature|public key/i.test(reasons);
  const gone = /does not have a Release file|404/.test(reasons);
  const likely = unsigned
    ? {
        cause: `the keys on this machine do not vouch for ${suite} (an old debian-archive-keyring?)`,
        next: 'sudo apt-get install debian-archive-keyring, then run the same command again',
      }
    : gone
      ? {
          cause: `this machine's mirror does not carry ${suite} (old suites move to an archive mirror)`,
          next: 'set ETCD_AGENT_DEBIAN_MIRROR to the URI of a Debian mirror that does, then run the same command again',
        }
      : { next: 'check that apt-get update works on this machine', ...likelyCause(reasons) };
  return new Failure({
    what: `${packages.join(' and ')} could not be downloaded from Debian ${suite}`,
    where: `apt-get download ${packages.map((name) => `${name}/${suite}`).join(' ')}`,
    tail: [...new Set(problems)].slice(-6).join('\n'),
    log,
    ...likely,
  });
}

/**
 * apt's configuration for our private directories. Only `Acquire::` is taken from the machine's own (proxies, time-outs):
 * its hooks would run things outside this checkout, its index targets fetch things nobody reads here.
 */
async function writeConfig(home, archives) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'trusted']) {
    mkdirSync(join(home, folder), { recursive: true });
  }
  for (const keyring of keyrings(archives)) copyFileSync(keyring, join(home, 'trusted', basename(keyring)));
  const sources = archives.map(
    ({ uri, suite, components }) => `deb ${uri} ${suite} ${components.join(' ')}\n`,
  );
  writeFileSync(join(home, 'sources.list'), sources.join(''));
  writeFileSync(join(home, 'status'), '');
  const dump = await run('apt-config', ['dump'], {
    log: 'apt-config',
    what: "apt's configuration could not be read",
  });
  const inherited = dump.stdout
    .split('\n')
    .filter((line) => /^Acquire::(?!IndexTargets|Languages)/.test(line));
  const own = {
    'Acquire::Retries': '3',
    'Acquire::Languages': 'none',
    // Container images often turn these off; without them each download reads all lists again, seconds every time.
    'Dir::Cache::pkgcache': 'pkgcache.bin',
    'Dir::Cache::srcpkgcache': 'srcpkgcache.bin',
    // As root apt would download as the user _apt, who cannot write below a checkout in root's home.
    'APT::Sandbox::User': 'root',
    'Dir::State': home,
    'Dir::State::lists': join(home, 'lists'),
    'Dir::State::status': join(home, 'status'),
    'Dir::Cache': join(home, 'cache'),
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::sourcelist': join(home, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::trusted': '/dev/null',
    'Dir::Etc::trustedparts': join(home, 'trusted'),
  };
  const config = join(home, 'apt.conf');
  const lines = [...inherited, ...Object.entries(own).map(([name, value]) => `${name} "${value}";`)];
  // A proxy's password may be among the inherited lines.
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  return config;
}

/** The keys this machine already trusts for packages: those its sources name, and the distribution's own. */
function keyrings(archives) {
  const system = ['debian', 'ubuntu'].map((name) => `/usr/share/keyrings/${name}-archive-keyring.gpg`);
  const folder = '/etc/apt/trusted.gpg.d';
  const added = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const all = [...archives.flatMap((archive) => archive.keyrings), ...system, ...added];
  return [...new Set(all)].filter((file) => /\.(?:gpg|asc|pgp)$/.test(file) && existsSync(file));
}
