// An .rpm of what is in a package, packed by rpmbuild.
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../scripts/setup/child.mjs';
import { maintainer } from './contents.mjs';
import { scriptsOf } from './scripts.mjs';
import { stage } from './stage.mjs';

export function rpmName({ name }, { version }) {
  return `${name}-${version}-1.x86_64.rpm`;
}

/**
 * @param {import('./contents.mjs').Entry[]} entries
 * @param {{ release: import('./contents.mjs').Release, level: number, work: string, out: string }} options as makeDeb
 * @throws {Failure} with what rpmbuild says
 */
export async function makeRpm(product, entries, { release, level, work, out }) {
  const tree = join(work, 'tree');
  const packed = join(work, 'packed');
  stage(tree, entries, release.seconds);
  mkdirSync(packed, { recursive: true });
  const spec = join(work, `${product.name}.spec`);
  writeFileSync(spec, specOf(product, entries, release));
  const macros = {
    _topdir: join(work, 'rpmbuild'),
    _rpmdir: packed,
    _rpmfilename: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    _staged: tree,
    _binary_payload: `w${level}.gzdio`,
    // The same bytes wherever and whenever it is built.
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    optflags: '%{nil}',
    // Strip, debug packages and links by build id would change the runtime or leave half of it elsewhere.
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
    _build_id_links: 'none',
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await run('rpmbuild', ['-bb', '--target', 'x86_64-linux', ...defines, spec], {
    cwd: work,
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', SOURCE_DATE_EPOCH: String(release.seconds) },
    log: `rpmbuild-${product.name}`,
    what: `${rpmName(product, release)} could not be made`,
  });
  const [made] = readdirSync(packed);
  renameSync(join(packed, made), join(out, rpmName(product, release)));
}

function specOf(product, entries, { version, seconds }) {
  const { name, summary, description, needsSystemd } = product;
  const scripts = Object.entries(scriptsOf(product, 'rpm'));
  const date = new Date(seconds * 1000).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) .*$/, '$1 $3 $2 $4');
  return `Name: ${name}
Version: ${version}
Release: 1
Summary: ${summary}
License: Apache-2.0 AND MIT AND BSD-3-Clause AND ISC AND BSD-2-Clause
Group: System Environment/Daemons
Packager: ${maintainer}
URL: https://etcd.io/
ExclusiveArch: x86_64
${needsSystemd ? 'Requires(post): systemd\nRequires(preun): systemd\nRequires(postun): systemd\n' : ''}
%description
${description.join('\n')}

%install
mkdir -p %{buildroot}
cp -al %{_staged}/. %{buildroot}/
${scripts.map(([script, text]) => `\n%${script}\n${text.replaceAll('%', '%%')}`).join('')}
%files
${[...ownDirectories(entries), ...entries.map(fileLine)].join('\n')}

%changelog
* ${date} ${maintainer} - ${version}-1
- Version ${version}; its changes are in CHANGELOG.md.
`;
}

/** Directories that no other package has. */
function ownDirectories(entries) {
  const own =
    /^(?:\/usr\/(?:lib|share\/doc|share\/licenses)|\/etc)\/etcd-(?:agent|coordinator)(?:\/[^/]+)*(?=\/)/;
  const folders = entries.map(({ path }) => own.exec(path)?.[0]).filter((folder) => folder !== undefined);
  return [...new Set(folders)].sort().map((folder) => `%dir %attr(0755, root, root) ${folder}`);
}

const directives = { configuration: '%config(noreplace) ', licence: '%license ', document: '%doc ' };

function fileLine({ path, mode, kind }) {
  return `${directives[kind] ?? ''}%attr(0${mode.toString(8)}, root, root) ${path}`;
}
