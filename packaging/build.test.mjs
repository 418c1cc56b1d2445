/**
 * The packages as the tools make and judge them. A small program stands in for the runtime, which is a file that is copied as
 * it is: packing and linting a hundred megabytes again and again would show nothing more.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cache, root } from '../scripts/setup/paths.mjs';
import { lint, linters } from './check.mjs';
import { packers, requireTools } from './tools.mjs';

let work;
let unable;
beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  work = mkdtempSync(join(cache, 'packaging-test-'));
  unable = await requireTools({ ...packers, ...linters }).catch((error) => error);
  if (unable !== undefined && process.env.CI === 'true') throw unable;
}, 300_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Builds from a checkout, in a process of its own, as somebody elsewhere would. */
function build(checkout, out, { umask, env }) {
  const program = `
    process.umask(${umask});
    const { buildPackages } = await import('./packaging/build.mjs');
    await buildPackages({ release: { version: '1.2.3', seconds: 1_700_000_000 }, out: ${JSON.stringify(out)}, standIn: '/bin/true' });`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: checkout,
    env: { ...process.env, ...env },
  });
  return readdirSync(out)
    .filter((name) => /\.(deb|rpm)$/.test(name))
    .sort();
}

describe('built twice', { timeout: 180_000 }, () => {
  let names = [];
  test('in another directory without git, by another user’s settings, all four are the same bytes', ({
    skip,
  }) => {
    skip(unable !== undefined, String(unable));
    names = build(root, join(work, 'here'), { umask: 0o022, env: { TZ: 'UTC' } });
    expect(names).toEqual([
      'etcd-agent-1.2.3-1.x86_64.rpm',
      'etcd-agent_1.2.3-1_amd64.deb',
      'etcd-coordinator-1.2.3-1.x86_64.rpm',
      'etcd-coordinator_1.2.3-1_amd64.deb',
    ]);
    const elsewhere = join(work, 'a copy');
    copySources(elsewhere);
    build(elsewhere, join(work, 'there'), { umask: 0o077, env: { TZ: 'Asia/Tokyo', LANG: 'C', HOME: work } });
    for (const name of names) {
      const [here, there] = ['here', 'there'].map((folder) => readFileSync(join(work, folder, name)));
      expect(here.equals(there), name).toBe(true);
    }
  });

  test('what the linters find is waived with its reason', async ({ skip }) => {
    skip(unable !== undefined, String(unable));
    const findings = await Promise.all(names.map((name) => lint(join(work, 'here', name))));
    // Waivers for the runtime and its licence, which are not there.
    expect(
      findings.flat().filter((line) => !/unused-override (?:old-fsf-address|.*\/bin\/node\])/.test(line)),
    ).toEqual([]);
  });
});

describe('a package that is not in order', { timeout: 120_000 }, () => {
  test('is found by lintian', async ({ skip }) => {
    skip(unable !== undefined, String(unable));
    const tree = join(work, 'bad');
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
    writeFileSync(join(tree, 'usr/bin/bad'), 'no program\n');
    chmodSync(join(tree, 'usr/bin/bad'), 0o777);
    writeFileSync(
      join(tree, 'DEBIAN/control'),
      'Package: bad\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y.org>\nDescription: bad\n',
    );
    const file = join(work, 'bad_1_all.deb');
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, file]);
    expect((await lint(file)).join('\n')).toMatch(/E: bad: no-copyright-file/);
  });

  test('is found by rpmlint', async ({ skip }) => {
    skip(unable !== undefined, String(unable));
    const spec = join(work, 'bad.spec');
    writeFileSync(
      spec,
      'Name: bad\nVersion: 1\nRelease: 1\nSummary: bad\nLicense: whatever\nBuildArch: noarch\n%description\nbad\n%install\nmkdir -p %{buildroot}/usr/bin\ntouch %{buildroot}/usr/bin/bad\n%files\n%attr(0777, root, root) /usr/bin/bad\n',
    );
    execFileSync('rpmbuild', ['-bb', '--define', `_topdir ${work}/rpmbuild`, spec], { stdio: 'ignore' });
    expect((await lint(join(work, 'rpmbuild/RPMS/noarch/bad-1-1.noarch.rpm'))).join('\n')).toMatch(
      /invalid-license/,
    );
  });
});

/** What packages are made of, without git and without anything that a build has made but dist. */
function copySources(to) {
  mkdirSync(to);
  for (const name of [
    'package.json',
    'pnpm-lock.yaml',
    'LICENSE',
    'CHANGELOG.md',
    'packaging',
    'scripts',
    'agent',
    'coordinator',
    'packages',
  ]) {
    cpSync(join(root, name), join(to, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !/\/(packaging\/out|src|bundle|(agent|coordinator)\/proto)$/.test(source),
    });
  }
  // Thousands of files: linked, not copied.
  execFileSync('cp', ['-al', join(root, 'node_modules'), join(to, 'node_modules')]);
}
