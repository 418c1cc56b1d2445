// A .deb of what is in a package, packed by dpkg-deb.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../scripts/setup/child.mjs';
import { maintainer } from './contents.mjs';
import { scriptsOf } from './scripts.mjs';
import { stage } from './stage.mjs';

/**
 * What Node is linked with, as Debian 11, Ubuntu 20.04 and later call it (before: libgcc1); the account and the directories are
 * made by systemd's programs.
 */
const depends = ['libc6 (>= 2.28)', 'libgcc-s1 (>= 3.4)', 'libstdc++6 (>= 5.2)'];

export function debName({ name }, { version }) {
  return `${name}_${version}-1_amd64.deb`;
}

/**
 * @param {import('./contents.mjs').Entry[]} entries
 * @param {{ release: import('./contents.mjs').Release, level: number, work: string, out: string }} options `level`: of gzip,
 *   0 to leave it uncompressed; `work`: a folder for this package alone; `out`: where the file goes
 * @throws {Failure} with what dpkg-deb says
 */
export async function makeDeb(product, entries, { release, level, work, out }) {
  const tree = join(work, 'tree');
  const configuration = entries.filter(({ kind }) => kind === 'configuration').map(({ path }) => path);
  const scripts = Object.entries(scriptsOf(product, 'deb'));
  const members = [
    { path: 'control', mode: 0o644, contents: control(product, entries, release) },
    { path: 'md5sums', mode: 0o644, contents: checksums(entries) },
    ...(configuration.length > 0
      ? [{ path: 'conffiles', mode: 0o644, contents: `${configuration.join('\n')}\n` }]
      : []),
    ...scripts.map(([name, contents]) => ({ path: name, mode: 0o755, contents })),
  ].map((member) => ({ ...member, path: `/DEBIAN/${member.path}` }));
  stage(tree, [...entries, ...members], release.seconds);
  const file = join(out, debName(product, release));
  const compression = level === 0 ? ['-Znone'] : ['-Zgzip', `-z${level}`];
  await run('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, file], {
    env: { ...process.env, LC_ALL: 'C', SOURCE_DATE_EPOCH: String(release.seconds) },
    log: `dpkg-deb-${product.name}`,
    what: `${debName(product, release)} could not be made`,
  });
}

function control({ name, summary, description, needsSystemd }, entries, { version }) {
  const kibibytes = entries.reduce((sum, entry) => sum + Math.ceil(bytesOf(entry).length / 1024), 0);
  const needs = needsSystemd ? [...depends, 'systemd'] : depends;
  return `Package: ${name}
Version: ${version}-1
Section: admin
Priority: optional
Architecture: amd64
Maintainer: ${maintainer}
Installed-Size: ${kibibytes}
Depends: ${needs.join(', ')}
Description: ${summary}
${description.map((line) => ` ${line}`).join('\n')}
`;
}

function checksums(entries) {
  const lines = entries
    .filter(({ kind }) => kind !== 'configuration')
    .map((entry) => `${createHash('md5').update(bytesOf(entry)).digest('hex')}  ${entry.path.slice(1)}\n`);
  return lines.join('');
}

function bytesOf({ contents, from }) {
  return from === undefined ? Buffer.from(contents) : readFileSync(from);
}
