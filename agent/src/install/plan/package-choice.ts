/** Which package manager installs etcd on this host, and by which names. Pure. */
import type { PackageChoice } from '@etcd-agent/protocol';

export interface HostPackages {
  /** The text of /etc/os-release. */
  readonly osRelease: string;
  /** Programs that are there, of those that are asked for: absolute paths. */
  readonly programs: readonly string[];
  /** It can be asked to run something outside of the agent's own unit. */
  readonly systemd: boolean;
}

/** Programs whose presence the choice depends on. */
export const packagePrograms = ['/usr/bin/apt-get', '/usr/bin/dnf', '/usr/bin/yum'] as const;

/** Debian and its children have the server and etcdctl in two packages, everybody else in one. */
const packagesOf = { apt: ['etcd-server', 'etcd-client'], dnf: ['etcd'], yum: ['etcd'] } as const;

export function packageChoice({ osRelease, programs, systemd }: HostPackages): PackageChoice {
  if (!systemd)
    return unavailable('systemd does not run here, so nothing can run a package manager for the agent');
  const family = [...valuesOf(osRelease, 'ID'), ...valuesOf(osRelease, 'ID_LIKE')];
  if (family.some((id) => id === 'debian' || id === 'ubuntu')) {
    return programs.includes('/usr/bin/apt-get')
      ? { kind: 'available', manager: 'apt', packages: [...packagesOf.apt] }
      : unavailable('this Debian has no /usr/bin/apt-get');
  }
  if (family.some((id) => id === 'rhel' || id === 'fedora' || id === 'centos')) {
    if (programs.includes('/usr/bin/dnf'))
      return { kind: 'available', manager: 'dnf', packages: [...packagesOf.dnf] };
    if (programs.includes('/usr/bin/yum'))
      return { kind: 'available', manager: 'yum', packages: [...packagesOf.yum] };
    return unavailable('this host has neither /usr/bin/dnf nor /usr/bin/yum');
  }
  // Not by what programs there are: a Debian with a dnf on it would then get an etcd that nothing of it fits.
  return unavailable(`how ${family[0] ?? 'this system'} installs packages is not known`);
}

/** The words of one key, as os-release(5) writes them. */
function valuesOf(osRelease: string, key: string): string[] {
  const value = new RegExp(`^${key}=["']?([^"'\\n]*)["']?\\s*$`, 'm').exec(osRelease)?.[1] ?? '';
  return value.toLowerCase().split(/\s+/).filter(Boolean);
}

function unavailable(why: string): PackageChoice {
  return { kind: 'unavailable', why };
}
