/**
 * The command lines of each package manager, fixed, and what their complaints mean. Nothing here depends on anything that
 * came over the network. Pure.
 */

/** One program that systemd runs for the agent. */
export interface PackageStep {
  /** Of its transient unit: says which command line it is, so that one that outlived an agent is known again. */
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly timeoutMs: number;
  /** It may fail: a mirror that is away, while the package is in the cache. */
  readonly mayFail: boolean;
}

export type Manager = 'apt' | 'dnf' | 'yum';

const minute = 60_000;
/** Mirrors may be slow, and disks: what is killed while it unpacks has to be mended. */
const installMs = 10 * minute;

const aptOptions = [
  '-q',
  '-y',
  // Configuration that is there stays: whoever wrote it meant it.
  ...['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'],
  // Somebody's unattended upgrade may be running.
  ...['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20'],
] as const;

/** Finishes what a power cut has left half done. */
const aptMend: PackageStep = {
  name: 'etcd-agent-dpkg-configure',
  argv: ['/usr/bin/dpkg', '--force-confdef', '--force-confold', '--configure', '-a'],
  timeoutMs: 5 * minute,
  mayFail: true,
};

/** The same for etcd's own packages, where nobody has asked for anything: the agent has only been started. */
export const aptMendOwn: PackageStep = {
  ...aptMend,
  name: 'etcd-agent-dpkg-configure-etcd',
  argv: ['/usr/bin/dpkg', '--force-confdef', '--force-confold', '--configure', 'etcd-server', 'etcd-client'],
};

const aptUpdate: PackageStep = {
  name: 'etcd-agent-apt-update',
  argv: ['/usr/bin/apt-get', ...aptOptions, 'update'],
  timeoutMs: 3 * minute,
  mayFail: true,
};

const installs: Readonly<Record<Manager, PackageStep>> = {
  apt: {
    name: 'etcd-agent-apt-install',
    argv: [
      '/usr/bin/apt-get',
      ...aptOptions,
      '--no-install-recommends',
      'install',
      'etcd-server',
      'etcd-client',
    ],
    timeoutMs: installMs,
    mayFail: false,
  },
  dnf: {
    name: 'etcd-agent-dnf-install',
    argv: ['/usr/bin/dnf', '-y', '-q', 'install', 'etcd'],
    timeoutMs: installMs,
    mayFail: false,
  },
  yum: {
    name: 'etcd-agent-yum-install',
    argv: ['/usr/bin/yum', '-y', '-q', 'install', 'etcd'],
    timeoutMs: installMs,
    mayFail: false,
  },
};

/** In order. `interrupted`: an earlier installation of ours was cut short. */
export function packageSteps(manager: Manager, interrupted: boolean): PackageStep[] {
  if (manager !== 'apt') return [installs[manager]];
  return [...(interrupted ? [aptMend] : []), aptUpdate, installs.apt];
}

/** What runs without a question on the terminal that is not there. */
export const packageEnvironment = { DEBIAN_FRONTEND: 'noninteractive' } as const;

/** The likely cause, and what to do, from what the package manager printed. */
export function packageComplaint(tail: string): { readonly cause: string; readonly next: string } {
  const fromFile = 'put etcd: { install: { from: file, ... } } into the topology (coordinator template)';
  if (
    /Unable to locate package|no installation candidate|No match for argument|Unable to find a match|No package etcd available|Nothing to do/i.test(
      tail,
    )
  ) {
    return {
      cause: 'the repositories of this host have no etcd (those of EL8 and later do not)',
      next: `add a repository that has it, or ${fromFile}`,
    };
  }
  if (/dpkg was interrupted/i.test(tail))
    return { cause: 'an earlier installation was cut short', next: 'on that host: dpkg --configure -a' };
  if (/Could not get lock|waiting for .*lock|another copy is running/i.test(tail))
    return {
      cause: 'another package manager is at work there',
      next: 'run the same command again when it has ended',
    };
  // Not "GPG key": dnf says that of one that it imports, too.
  if (
    /unauthenticated packages|Public key for .* is not installed|GPG check FAILED|do not have any GPG/i.test(
      tail,
    )
  )
    return {
      cause: 'that host does not have the key that its repository is signed with',
      next: 'import it there (rpm --import; signed-by of the source, for apt), then run the same command again',
    };
  if (
    /not resolve|failure resolving|Could not connect|Network is unreachable|timed out|Failed to (fetch|download)|Cannot download|Curl error/i.test(
      tail,
    )
  )
    return { cause: 'that host does not reach its repositories', next: `mend its network, or ${fromFile}` };
  return {
    cause: 'the package manager failed',
    next: 'read what it printed above, and try its command on that host',
  };
}
