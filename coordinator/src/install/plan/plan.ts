/**
 * What is to be done on one host, decided from what was found there, what this coordinator knows of the node and what the
 * operator gave. Pure: the plan is plain JSON; a run after any interruption plans again from what is true.
 */
import type { PackageKind, PackageName } from './package-name.js';
import type { HostProbe } from './probe.js';
import { compareVersions } from './versions.js';

/** The oldest systemd whose units behave as ours expect: that of EL7. */
const systemdMin = 239;
/** What the packaged runtime is linked against: that of EL8. */
const glibcMin = '2.28';

/** Ends a `next:`. The same command, because --manual wants to be told where the package comes from, too. */
export const orByHand = 'or without ssh: the same command with --manual';

export type Installer = 'apt' | 'dnf' | 'yum';

/** A package file that the operator named, checked already. */
export interface LocalPackage extends PackageName {
  readonly path: string;
  readonly sha256: string;
}

export interface Wish {
  readonly cluster: string;
  readonly node: string;
  /** Package files to choose from, or the repositories that the host has. */
  readonly source:
    | { readonly kind: 'files'; readonly files: readonly LocalPackage[] }
    | { readonly kind: 'repository' };
  /** This coordinator has given the node an identity. */
  readonly enrolled: boolean;
  /** A join token that is out and can still be used. `bound`: a key was signed for with it. */
  readonly tokenOut: { readonly expiresAt: string; readonly bound: boolean } | undefined;
  /** The cluster was bootstrapped to the end: a host that lost its identity takes a former member's place. */
  readonly bootstrapped: boolean;
}

export type InstallStep =
  | { readonly kind: 'copy'; readonly file: LocalPackage }
  | { readonly kind: 'install'; readonly by: Installer; readonly file: LocalPackage }
  | { readonly kind: 'installFromRepository'; readonly by: Installer }
  /** `out`: the one that is out; `new`: one made for this. */
  | { readonly kind: 'token'; readonly which: 'out' | 'new' }
  | { readonly kind: 'enable' }
  | { readonly kind: 'answer' };

export interface InstallRefusal {
  readonly kind: 'refuse';
  readonly what: string;
  readonly next: string;
}

export type InstallPlan =
  | InstallRefusal
  /** `kept`: what is there already, in words. */
  | { readonly kind: 'steps'; readonly steps: readonly InstallStep[]; readonly kept: readonly string[] };

/** `packageDone`: this run has installed the package already. */
export function planInstall(probe: HostProbe, wish: Wish, packageDone = false): InstallPlan {
  const refusal = unfitHost(probe) ?? foreignAgent(probe, wish);
  if (refusal !== undefined) return refusal;
  const packages = packageDone ? keptOnly([]) : packageSteps(probe, wish);
  if (packages.kind === 'refuse') return packages;
  const token = tokenSteps(probe, wish);
  if (token.kind === 'refuse') return token;
  const runs = probe.unit.active && probe.unit.enabled && packages.steps.length === 0;
  return {
    kind: 'steps',
    steps: [
      ...packages.steps,
      ...token.steps,
      ...(runs ? [] : [{ kind: 'enable' } as const]),
      { kind: 'answer' },
    ],
    kept: [...packages.kept, ...token.kept, ...(runs ? ['runs'] : [])],
  };
}

function unfitHost({ systemd, glibc, root, os }: HostProbe): InstallRefusal | undefined {
  if (systemd === undefined) {
    return refuse(
      'systemd is not what boots that host (PID 1)',
      'without systemd the agent is run by hand: etcd-agent run',
    );
  }
  if (systemd < systemdMin) {
    return refuse(`it has systemd ${systemd}; ${systemdMin} is the oldest that will do`, 'upgrade the host');
  }
  if (glibc === undefined || compareVersions(glibc, glibcMin) < 0) {
    const has = glibc === undefined ? 'no glibc' : `glibc ${glibc}`;
    return refuse(
      `${os.name} has ${has}; the package needs ${glibcMin} or newer (EL 8, Debian 11)`,
      'upgrade the host',
    );
  }
  return root.kind === 'none' ? noRoot(root.user, root.said) : undefined;
}

function noRoot(user: string, said: string): InstallRefusal {
  if (said === '')
    return refuse(`${user} is not root there, and there is no sudo`, `--user root, ${orByHand}`);
  if (/tty/.test(said)) {
    return refuse(
      `sudo wants a terminal there (${said})`,
      `in its sudoers: Defaults:${user} !requiretty, ${orByHand}`,
    );
  }
  if (/password/.test(said)) {
    const next = `let ${user} use sudo without a password while this runs (NOPASSWD), --user root, ${orByHand}`;
    return refuse(`sudo wants a password of ${user} there, and passwords are not handled here`, next);
  }
  return refuse(`${user} may not use sudo there (${said})`, `--user with an account that may, ${orByHand}`);
}

/** An agent that is there and is not ours to change. */
function foreignAgent({ status, installed }: HostProbe, { cluster, node }: Wish): InstallRefusal | undefined {
  // A program without its package is what a power cut leaves while a package is unpacked: it is installed anew.
  const isWhole = installed.deb !== undefined || installed.rpm !== undefined;
  if (status.kind === 'failed' && !isWhole) return undefined;
  if (status.kind === 'failed') {
    return refuse(
      `etcd-agent status fails there: ${status.said}`,
      'mend what it names (/etc/etcd-agent/agent.yaml, probably)',
    );
  }
  if (status.kind === 'absent' || status.identity === undefined) return undefined;
  const { identity } = status;
  if (identity.cluster === cluster && identity.node === node) return undefined;
  return refuse(
    `that host is enrolled as ${identity.node} of cluster ${identity.cluster}`,
    `is it the right host? If it changes its place for good: stop etcd and etcd-agent there and move /var/lib/etcd-agent aside`,
  );
}

type Part =
  | InstallRefusal
  | { readonly kind: 'steps'; readonly steps: readonly InstallStep[]; readonly kept: readonly string[] };

function packageSteps(probe: HostProbe, { source }: Wish): Part {
  const kinds = kindsOf(probe);
  if (kinds.length === 0) {
    return refuse(
      `${probe.os.name} has neither apt-get nor dnf nor yum`,
      'install the agent by hand: docs/INSTALL.md',
    );
  }
  if (source.kind === 'repository') {
    return { kind: 'steps', steps: [{ kind: 'installFromRepository', by: kinds[0]!.by }], kept: [] };
  }
  const ofKind = kinds.flatMap((each) => source.files.filter(({ kind }) => kind === each.kind));
  const fitting = ofKind.filter(({ machine }) => machine === undefined || machine === probe.machine);
  const [file] = fitting;
  if (file === undefined) return noneFits(probe, kinds[0]!.kind, ofKind);
  const { by, kind } = kinds.find((each) => each.kind === file.kind)!;
  const before = probe.installed[kind];
  const order = before === undefined ? -1 : compareVersions(before, file.version);
  if (order === 0) return keptOnly([`etcd-agent ${before}`]);
  if (order > 0) {
    return refuse(
      `it has etcd-agent ${before}, which is newer than ${file.version}`,
      'give the newer package: an older agent may not read what a newer one has written',
    );
  }
  return {
    kind: 'steps',
    steps: [
      { kind: 'copy', file },
      { kind: 'install', by, file },
    ],
    kept: [],
  };
}

/** The kinds of package that the host can install, its own first: a Debian may have dnf too. */
function kindsOf({ programs, os }: HostProbe): { kind: PackageKind; by: Installer }[] {
  const has = (name: string) => programs.includes(name);
  const deb = has('apt-get') && has('dpkg') ? [{ kind: 'deb', by: 'apt' } as const] : [];
  const rpm = has('rpm') && has('dnf') ? [{ kind: 'rpm', by: 'dnf' } as const] : [];
  const oldRpm = has('rpm') && has('yum') && !has('dnf') ? [{ kind: 'rpm', by: 'yum' } as const] : [];
  const family = [os.id, ...os.like];
  const ownIsDeb = family.some((name) => ['debian', 'ubuntu'].includes(name));
  return ownIsDeb ? [...deb, ...rpm, ...oldRpm] : [...rpm, ...oldRpm, ...deb];
}

function noneFits(
  { os, machine }: HostProbe,
  kind: PackageKind,
  ofKind: readonly LocalPackage[],
): InstallRefusal {
  if (ofKind.length > 0) {
    const has = ofKind.map((each) => each.machine).join(', ');
    return refuse(
      `it is a ${machine}, and the .${kind} is for ${has}`,
      `--package with a .${kind} for ${machine}`,
    );
  }
  return refuse(
    `${os.name} needs a .${kind}, and none was given`,
    `--package etcd-agent….${kind} besides the others`,
  );
}

function tokenSteps({ status }: HostProbe, { enrolled, tokenOut, bootstrapped, node }: Wish): Part {
  const known = status.kind === 'known' ? status : undefined;
  const has = known?.identity !== undefined;
  // Whoever made a token for a node that has an identity wants another. Once it is bound, this is that identity.
  if (tokenOut !== undefined && !(has && tokenOut.bound)) {
    const there = known?.joinToken?.node === node && known.joinToken.expiresAt === tokenOut.expiresAt;
    return there
      ? keptOnly(['has the join token'])
      : { kind: 'steps', steps: [{ kind: 'token', which: 'out' }], kept: [] };
  }
  if (has && enrolled) return keptOnly(['enrolled']);
  // Whether an identity is left under /var/lib/etcd-agent, the agent says once it is installed.
  if (bootstrapped && enrolled && known !== undefined) {
    return refuse(
      `${node} has lost its identity, and the cluster counts on the member it was`,
      `coordinator token ${node} --replace > /dev/null, then this again: it takes that token there`,
    );
  }
  return { kind: 'steps', steps: [{ kind: 'token', which: 'new' }], kept: [] };
}

function keptOnly(kept: readonly string[]): Part & { kind: 'steps' } {
  return { kind: 'steps', steps: [], kept };
}

function refuse(what: string, next: string): InstallRefusal {
  return { kind: 'refuse', what, next };
}
