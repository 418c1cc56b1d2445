/** What the name of a package file says, as package managers write it. Pure. */

export type PackageKind = 'deb' | 'rpm';

export interface PackageName {
  readonly kind: PackageKind;
  /** As the package manager shows it: `0.1.0` or `0.1.0-1` of a .deb, `0.1.0-1.el8` of an .rpm. */
  readonly version: string;
  /** As `uname -m` says it; undefined: any. */
  readonly machine: string | undefined;
}

const machines: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/** Undefined where it is no name of a package of the agent. */
export function readPackageName(fileName: string): PackageName | undefined {
  const deb = /^etcd-agent_(\d[A-Za-z0-9.+~-]*)_([a-z0-9]+)\.deb$/.exec(fileName);
  if (deb !== null) return { kind: 'deb', version: deb[1]!, machine: machineOf(deb[2]!) };
  const rpm = /^etcd-agent-(\d[A-Za-z0-9.+~^_]*-[A-Za-z0-9.+~^_]+)\.([a-z0-9_]+)\.rpm$/.exec(fileName);
  if (rpm !== null) return { kind: 'rpm', version: rpm[1]!, machine: machineOf(rpm[2]!) };
  return undefined;
}

function machineOf(architecture: string): string | undefined {
  return ['all', 'noarch'].includes(architecture) ? undefined : (machines[architecture] ?? architecture);
}
