import { describe, expect, it } from 'vitest';
import { packageChoice, packagePrograms } from './package-choice.js';
import { packageComplaint, packageSteps } from './package-commands.js';

const choose = (osRelease: string, programs: readonly string[] = packagePrograms) =>
  packageChoice({ osRelease, programs, systemd: true });

describe('the package manager of a host', () => {
  it.each([
    ['Debian 12', 'ID=debian\nVERSION_ID="12"\n', 'apt'],
    ['Ubuntu', 'ID=ubuntu\nID_LIKE=debian\n', 'apt'],
    ['Rocky 9', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'dnf'],
    ['CentOS Stream', 'ID="centos"\nID_LIKE="rhel fedora"\n', 'dnf'],
    ['Fedora', 'ID=fedora\n', 'dnf'],
    ['RHEL', "ID='rhel'\n", 'dnf'],
  ])('of %s', (_name, osRelease, manager) => {
    expect(choose(osRelease)).toMatchObject({ kind: 'available', manager });
  });

  it('of a CentOS without dnf is yum', () => {
    expect(choose('ID="centos"\n', ['/usr/bin/yum'])).toMatchObject({ manager: 'yum', packages: ['etcd'] });
  });

  it('of a Debian is apt though dnf is there too', () => {
    expect(choose('ID=debian\n')).toMatchObject({ manager: 'apt', packages: ['etcd-server', 'etcd-client'] });
  });

  it.each([
    ['an unknown system', 'ID=alpine\n', packagePrograms],
    ['no os-release', '', packagePrograms],
    ['a Debian without apt', 'ID=debian\n', []],
    ['an EL without both', 'ID=rhel\n', ['/usr/bin/apt-get']],
  ])('is none on %s, with the reason', (_name, osRelease, programs) => {
    expect(choose(osRelease, programs)).toEqual({ kind: 'unavailable', why: expect.stringMatching(/\w+/) });
  });

  it('is none where systemd does not run', () => {
    const choice = packageChoice({ osRelease: 'ID=debian\n', programs: packagePrograms, systemd: false });
    expect(choice).toMatchObject({
      kind: 'unavailable',
      why: expect.stringContaining('systemd does not run'),
    });
  });
});

describe('the command lines', () => {
  it('are these and no others', () => {
    const lines = (['apt', 'dnf', 'yum'] as const).flatMap((manager) =>
      packageSteps(manager, true).map(({ argv }) =>
        argv.filter((word) => !/^(-o$|\w+::)/.test(word)).join(' '),
      ),
    );
    expect(lines).toEqual([
      '/usr/bin/dpkg --force-confdef --force-confold --configure -a',
      '/usr/bin/apt-get -q -y update',
      '/usr/bin/apt-get -q -y --no-install-recommends install etcd-server etcd-client',
      '/usr/bin/dnf -y -q install etcd',
      '/usr/bin/yum -y -q install etcd',
    ]);
  });

  it('mend what is half installed only after an installation of ours', () => {
    expect(packageSteps('apt', false).map(({ name }) => name)).toEqual([
      'etcd-agent-apt-update',
      'etcd-agent-apt-install',
    ]);
  });
});

describe('what a package manager complains of', () => {
  it.each([
    ['E: Unable to locate package etcd-server', /repositories of this host have no etcd/],
    ['Error: Unable to find a match: etcd', /repositories of this host have no etcd/],
    ['No match for argument: etcd', /repositories of this host have no etcd/],
    ['E: Failed to fetch http://x/y  Temporary failure resolving', /does not reach its repositories/],
    ['Curl error (6): Could not resolve hostname', /does not reach its repositories/],
    ["E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", /cut short/],
    ['E: Could not get lock /var/lib/dpkg/lock-frontend', /another package manager/],
    [
      'Public key for etcd-3.4.23-1.x86_64.rpm is not installed\nError: GPG check FAILED',
      /does not have the key/,
    ],
    [
      'E: There were unauthenticated packages and -y was used without --allow-unauthenticated',
      /does not have the key/,
    ],
    ['Importing GPG key 0x1:\nCurl error (6): Could not resolve host', /does not reach its repositories/],
    // Of all settings of a repository, which dnf prints where it has no key for it.
    ['Problem repository: [baseos]\nip_resolve: whatever\n', /the package manager failed/],
    ['something else', /failed/],
  ])('%j', (tail, cause) => {
    expect(packageComplaint(tail)).toEqual({
      cause: expect.stringMatching(cause),
      next: expect.stringMatching(/\w+/),
    });
  });
});
