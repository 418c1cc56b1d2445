/**
 * A Debian with rpm and dnf that passes for an EL 8 where packages and the agent look: its name, its presets,
 * what its own packages provide, a repository of files. Its etcd comes in a package like that of CentOS 7, the
 * last that had one.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type EtcdVersion, etcdBinaries } from '../../support/etcd-binaries.js';
import { leftEnabled, withoutEtcd } from './etcd-packages.js';
import type { Host } from './host.js';
import { patient } from './packages.js';
import { checkout } from './places.js';

const repository = '/srv/packages';
/** Where what is packed on the host lies before. */
const sources = '/srv/sources';

/** Before it is booted. */
export function asEl8(host: Host): void {
  withoutEtcd(host);
  leftEnabled(host);
  const release = ['NAME="Rocky Linux"', 'ID="rocky"', 'ID_LIKE="rhel centos fedora"', 'VERSION_ID="8.10"'];
  host.write('/etc/os-release', `${release.join('\n')}\nPRETTY_NAME="Rocky Linux 8.10"\n`);
  // Debian enables what a package brings; EL does not, but for what somebody has said.
  host.write('/usr/lib/systemd/system-preset/99-default-disable.preset', 'disable *\n');
  host.write('/etc/systemd/system-preset/50-somebody.preset', 'enable etcd.service\n');
  const settings = ['name=local', `baseurl=file://${repository}`, 'gpgcheck=0', 'metadata_expire=1'];
  host.write('/etc/yum.repos.d/local.repo', `[local]\n${settings.join('\n')}\n`);
  mkdirSync(host.path(repository), { recursive: true });
}

/** Puts packages into the repository, beside an empty one that stands for EL's own. */
export async function publish(host: Host, ...rpms: string[]): Promise<void> {
  for (const rpm of rpms) copyFileSync(rpm, host.path(`${repository}/${basename(rpm)}`));
  if ((await host.run('test', '-e', `${repository}/noarch`)).code !== 0) await pack(host, distributionSpec());
  await patient(host, 'createrepo_c', '-q', repository);
}

/** Puts an etcd into the repository. */
export async function publishEtcd(host: Host, version: EtcdVersion): Promise<void> {
  mkdirSync(host.path(sources), { recursive: true });
  const { etcd, etcdctl } = etcdBinaries(version);
  const unit = join(checkout, 'test', 'hosts', 'testdata', 'centos7-etcd.service');
  copyFileSync(etcd, host.path(`${sources}/etcd`));
  copyFileSync(etcdctl, host.path(`${sources}/etcdctl`));
  host.write(`${sources}/etcd.service`, readFileSync(unit, 'utf8'));
  host.write(`${sources}/etcd.conf`, etcdConf);
  await pack(host, etcdSpec(version));
  rmSync(host.path(sources), { recursive: true });
  await publish(host);
}

export function dnf(host: Host, ...words: string[]): Promise<string> {
  return patient(host, 'dnf', '-y', '--releasever=8', ...words);
}

/**
 * Meanwhile the host has a repository that cannot be reached and that dnf may not pass over: so are those of an
 * EL without a network. Debian's dnf.conf lets it pass.
 */
export async function withRepositoryAway<T>(host: Host, during: () => Promise<T>): Promise<T> {
  const file = '/etc/yum.repos.d/baseos.repo';
  // Nothing listens there, so a connection is refused at once.
  const settings = ['name=baseos', 'baseurl=http://127.0.0.1:9/', 'skip_if_unavailable=False', 'gpgcheck=0'];
  host.write(file, `[baseos]\n${settings.join('\n')}\n`);
  try {
    return await during();
  } finally {
    rmSync(host.path(file));
  }
}

async function pack(host: Host, spec: string): Promise<void> {
  const file = '/srv/package.spec';
  host.write(file, spec);
  const macros = {
    _rpmdir: repository,
    _topdir: '/var/tmp/rpmbuild',
    // Quicker than small.
    _binary_payload: 'w0.gzdio',
    debug_package: '%{nil}',
    __os_install_post: '%{nil}',
  };
  const define = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await patient(host, 'rpmbuild', '-bb', '--quiet', ...define, file);
}

/**
 * What our packages may require: the symbols of glibc 2.28 and of GCC 8's libstdc++ and libgcc, which EL 8
 * has, and what every EL has. dnf refuses a package that requires anything else.
 */
function el8Provides(): string[] {
  const range = (start: string, first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, n) => `${start}${first + n}`);
  const glibc = [
    ...['2.2.5', '2.2.6', '2.3.2', '2.3.3', '2.3.4'].map((version) => `GLIBC_${version}`),
    ...range('GLIBC_2.', 3, 28),
  ];
  const gcc = ['3.0', '3.3', '3.3.1', '3.4', '3.4.2', '3.4.4', '4.0.0', '4.2.0', '4.3.0', '4.7.0', '4.8.0'];
  const symbols: Readonly<Record<string, readonly string[]>> = {
    'ld-linux-x86-64.so.2': glibc,
    'libc.so.6': glibc,
    'libdl.so.2': glibc,
    'libm.so.6': glibc,
    'libpthread.so.0': glibc,
    'libgcc_s.so.1': [...gcc, '7.0.0'].map((version) => `GCC_${version}`),
    'libstdc++.so.6': [
      ...['GLIBCXX_3.4', ...range('GLIBCXX_3.4.', 1, 25)],
      ...['CXXABI_1.3', ...range('CXXABI_1.3.', 1, 11)],
    ],
  };
  return [
    ...['/bin/sh', 'systemd', 'shadow-utils', 'rtld(GNU_HASH)'],
    ...Object.entries(symbols).flatMap(([library, versions]) =>
      ['', ...versions].map((version) => `${library}(${version})(64bit)`),
    ),
  ];
}

function distributionSpec(): string {
  return `Name: distribution
Version: 1
Release: 1
Summary: What Debian has and no RPM says
License: none
BuildArch: noarch
AutoReqProv: no
${el8Provides()
  .map((each) => `Provides: ${each}`)
  .join('\n')}
%description
%files
`;
}

/** What it sets, of CentOS 7's: an etcd of its own, on our ports. */
const etcdConf = `#[Member]
ETCD_DATA_DIR="/var/lib/etcd/default.etcd"
ETCD_LISTEN_CLIENT_URLS="http://localhost:2379"
ETCD_NAME="default"
#[Clustering]
ETCD_ADVERTISE_CLIENT_URLS="http://localhost:2379"
`;

function etcdSpec(version: string): string {
  return `Name: etcd
Version: ${version}
Release: 1
Summary: A highly-available key value store
License: Apache-2.0
AutoReqProv: no
Requires: /bin/sh
Requires(pre): shadow-utils
Requires(post): systemd
%description
%install
cd ${sources}
install -D -t %{buildroot}/usr/bin etcd etcdctl
install -D -m 644 -t %{buildroot}/usr/lib/systemd/system etcd.service
install -D -m 644 -t %{buildroot}/etc/etcd etcd.conf
install -d %{buildroot}/var/lib/etcd
%pre
getent group etcd >/dev/null || groupadd -r etcd
getent passwd etcd >/dev/null || useradd -r -g etcd -d /var/lib/etcd -s /sbin/nologin -c 'etcd user' etcd
%post
if [ $1 -eq 1 ]; then systemctl preset etcd.service >/dev/null 2>&1 || :; fi
%files
/usr/bin/*
/usr/lib/systemd/system/etcd.service
%config(noreplace) /etc/etcd/etcd.conf
%dir %attr(-, etcd, etcd) /var/lib/etcd
`;
}
