/** What is to be installed where, from the topology and what the agents say of the etcd on their hosts. Pure. */
import type { EtcdInstallation } from '@etcd-agent/protocol';

/** As in the topology. */
export type Source =
  | { readonly from: 'package' }
  | { readonly from: 'file'; readonly file: string; readonly sha256: string };

/** `present`: nothing is to be done. `held`: something would be, and may not: a member runs there, or its data is there. */
export type InstallDecision = { readonly node: string } & (
  | { readonly kind: 'present'; readonly why: string }
  | { readonly kind: 'package'; readonly manager: string; readonly packages: readonly string[] }
  | { readonly kind: 'send'; readonly directory: string; readonly instead: string | undefined }
  | { readonly kind: 'held'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string; readonly next: string }
);

export function decideInstall(node: string, source: Source, look: EtcdInstallation): InstallDecision {
  return source.from === 'package' ? byPackage(node, look) : byFile(node, source.sha256, look);
}

/** A package is for hosts without an etcd: which version it brings is the distribution's business. */
function byPackage(
  node: string,
  { etcd, held, package: choice, unfinished, directory }: EtcdInstallation,
): InstallDecision {
  if (etcd.kind === 'found' && !unfinished)
    return { node, kind: 'present', why: `${etcd.path} ${etcd.version} is there` };
  if (etcd.kind === 'broken')
    return { node, kind: 'refused', why: etcd.why, next: `on ${node}: ${etcd.path} --version` };
  if (held !== null) return { node, kind: 'held', why: held };
  if (directory === null) return ownEtcd(node, etcd.path);
  if (choice.kind === 'unavailable') {
    return {
      node,
      kind: 'refused',
      why: choice.why,
      next: 'put etcd: { install: { from: file, ... } } into the topology, then coordinator apply -f FILE',
    };
  }
  return { node, kind: 'package', manager: choice.manager, packages: choice.packages };
}

/** A file is what the operator wants everywhere, whatever else a host has. */
function byFile(
  node: string,
  sha256: string,
  { etcd, held, installed, directory }: EtcdInstallation,
): InstallDecision {
  if (installed?.sha256 === sha256 && etcd.kind === 'found')
    return { node, kind: 'present', why: `${etcd.path} ${etcd.version} is from this file` };
  if (held !== null) return { node, kind: 'held', why: held };
  if (directory === null) return ownEtcd(node, etcd.path);
  return {
    node,
    kind: 'send',
    directory,
    instead: etcd.kind === 'found' ? `${etcd.path} ${etcd.version}` : undefined,
  };
}

function ownEtcd(node: string, path: string): InstallDecision {
  return {
    node,
    kind: 'refused',
    why: `agent.yaml there names ${path}, so another etcd would never be started`,
    next: `take etcdBinary out of agent.yaml on ${node} and restart etcd-agent`,
  };
}

/** Something is to be done. */
export function isToInstall(decision: InstallDecision): boolean {
  return decision.kind === 'package' || decision.kind === 'send';
}

/** In words, for a table. */
export function describeDecision(decision: InstallDecision): string {
  switch (decision.kind) {
    case 'present':
    case 'refused':
      return decision.why;
    case 'package':
      return `${decision.packages.join(', ')} by ${decision.manager}`;
    case 'send':
      return `the file is sent to ${decision.directory}${decision.instead === undefined ? '' : `, and used instead of ${decision.instead}`}`;
    case 'held':
      return `left as it is: ${decision.why}`;
  }
}
