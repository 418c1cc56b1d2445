/**
 * What a bootstrap has to do from here, decided from the topology, the record and what was seen on every node. Pure: a
 * plan is plain JSON that can be printed, and a resume is the same function over what is true now.
 */
import { refusals } from './refusals.js';
import {
  isRunning,
  isToRejoin,
  type NodeSituation,
  type Refusal,
  type Situation,
  wantedNodes,
} from './situation.js';

export type BootstrapStep =
  | { readonly kind: 'enrol'; readonly nodes: readonly string[] }
  | { readonly kind: 'quarantine'; readonly nodes: readonly string[]; readonly bootstrapId: string }
  | { readonly kind: 'install'; readonly nodes: readonly string[] }
  | { readonly kind: 'preflight'; readonly nodes: readonly string[] }
  | { readonly kind: 'certify'; readonly nodes: readonly string[] }
  /** `new`: a fresh token and ids; `same`: those of the record; `next`: those, in a higher generation. */
  | { readonly kind: 'record'; readonly what: 'new' | 'next' }
  | { readonly kind: 'configure'; readonly nodes: readonly string[] }
  | { readonly kind: 'start'; readonly nodes: readonly string[] }
  | { readonly kind: 'verify'; readonly nodes: readonly string[] };

export type BootstrapPlan =
  | { readonly kind: 'refuse'; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'steps'; readonly steps: readonly BootstrapStep[] };

export function planBootstrap(situation: Situation): BootstrapPlan {
  const no = refusals(situation);
  if (no.length > 0) return { kind: 'refuse', refusals: no };
  return {
    kind: 'steps',
    steps: stepsOf(situation).filter((step) => !('nodes' in step) || step.nodes.length > 0),
  };
}

function stepsOf({ nodes: everybody, record, reset, specsDiffer, toInstall }: Situation): BootstrapStep[] {
  const nodes = wantedNodes({ nodes: everybody, record });
  const all = names(nodes);
  const enrol: BootstrapStep = {
    kind: 'enrol',
    nodes: names(nodes.filter(({ kind }) => kind === 'toEnrol')),
  };
  const verify: BootstrapStep = { kind: 'verify', nodes: all };
  // Before the checks, which compare versions. A node that is not enrolled yet has not been asked.
  const install = (of: readonly NodeSituation[]): BootstrapStep => ({
    kind: 'install',
    nodes: names(
      of.filter(
        ({ kind, place }) =>
          toInstall !== undefined && (kind === 'toEnrol' || toInstall.includes(place.name)),
      ),
    ),
  });
  if (record === undefined || reset) {
    const quarantine: BootstrapStep[] =
      record === undefined ? [] : [{ kind: 'quarantine', nodes: all, bootstrapId: record.bootstrapId }];
    return [
      enrol,
      ...quarantine,
      install(nodes),
      { kind: 'preflight', nodes: all },
      { kind: 'certify', nodes: all },
      { kind: 'record', what: 'new' },
      { kind: 'configure', nodes: all },
      { kind: 'start', nodes: all },
      verify,
    ];
  }
  const toStart = names(nodes.filter((node) => !isRunning(node) && !isToRejoin(node, record)));
  const toRejoin = names(nodes.filter((node) => isToRejoin(node, record)));
  // On a node that runs, etcd reads the new files for its next connection: nothing is restarted for them.
  const toCertify = names(nodes.filter((node) => !isRunning(node) || !hasCertificates(node)));
  const isBehind = (node: NodeSituation) => specsDiffer || generationOf(node) < record.generation;
  const behind = everybody.filter((node) => generationOf(node) > 0 && isBehind(node));
  const withoutSpec = nodes.filter((node) => generationOf(node) === 0);
  return [
    enrol,
    ...(specsDiffer ? [{ kind: 'record', what: 'next' } as const] : []),
    // Nodes that have a spec learn first which certificates are current now: they would turn a node that was enrolled again
    // away when the checks try who reaches whom.
    { kind: 'configure', nodes: names(behind) },
    install(nodes.filter(({ place: { name } }) => toStart.includes(name) || toRejoin.includes(name))),
    // Where nothing has to begin there is nothing to check before it begins.
    { kind: 'preflight', nodes: toStart.length + toRejoin.length > 0 ? all : [] },
    { kind: 'certify', nodes: toCertify },
    { kind: 'configure', nodes: names(withoutSpec) },
    { kind: 'start', nodes: toStart },
    verify,
  ];
}

/** Both, with their keys, and not expired by the node's own clock. */
function hasCertificates(node: NodeSituation): boolean {
  if (node.kind !== 'linked') return false;
  const { certificates, files, observedAt } = node.snapshot;
  // Instants of one agent, in one form: their texts sort as they do.
  const good = certificates.filter(({ notAfter }) => notAfter > observedAt);
  const names = new Set(good.map(({ name }) => name));
  return files.kind !== 'lost' && names.has('etcd') && names.has('peer');
}

function generationOf(node: NodeSituation): number {
  return node.kind === 'linked' && node.snapshot.spec.kind === 'present' ? node.snapshot.spec.generation : 0;
}

function names(nodes: readonly NodeSituation[]): string[] {
  return nodes.map(({ place }) => place.name);
}
