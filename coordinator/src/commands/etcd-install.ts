/** `coordinator etcd install [NODE...]`: the etcd that the topology names, on hosts that do not have it. Starts nothing. */
import { resolve } from 'node:path';
import { failureOf, reachAll } from '../bootstrap/connect.js';
import { type Cluster, credentialsOf, openCluster, placeOf } from '../cluster/open-cluster.js';
import { checkEtcdFile, keepEtcdFile } from '../etcd-install/etcd-file.js';
import { decideInstalls, type InstallOutcome, installOn } from '../etcd-install/install-on.js';
import { describeDecision, type InstallDecision, type Source } from '../etcd-install/plan/plan-install.js';
import { type ExitName, Failure } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import { table } from '../output/table.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

export interface EtcdInstallFlags {
  /** None: all. */
  readonly nodes: readonly string[];
  readonly dryRun: boolean;
  /** The file of the topology, for a state that came from an export. */
  readonly file: string | undefined;
}

export async function etcdInstall(
  { stateDir, progress }: CommandContext,
  { nodes, dryRun, file }: EtcdInstallFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const source = sourceOf(cluster);
  if (file !== undefined && source.from === 'package') {
    throw new Failure({
      exit: 'usage',
      what: '--file: the topology says that etcd comes from a package',
      next: 'etcd: { install: { from: file, file: F, sha256: HEX } } in your copy of it, then coordinator apply -f FILE',
    });
  }
  const places =
    nodes.length === 0 ? cluster.places : nodes.map((name) => placeOf(cluster, name, 'etcd install'));
  const { state, topology } = cluster;
  const credentials = await credentialsOf(cluster);
  const lock = dryRun ? undefined : await state.lock('coordinator etcd install');
  let links: readonly NodeLink[] = [];
  try {
    if (file !== undefined && source.from === 'file') {
      const named = await checkEtcdFile(resolve('.', 'x'), { ...source, file: resolve(file) });
      await keepEtcdFile(state, named);
    }
    const reached = await progress.phase('Reach the agents', () =>
      reachAll(places, { state, cluster: topology.name, credentials, mayEnrol: !dryRun }),
    );
    links = reached.links;
    if (links.length === 0) throw failureOf(reached.failures);
    const decisions = await decideInstalls(links, source);
    const outcomes = dryRun
      ? []
      : await progress.phase(`Install etcd on ${links.map(({ place }) => place.name).join(', ')}`, (report) =>
          installOn(state, links, source, decisions, report),
        );
    const unreached: InstallOutcome[] = reached.failures.map(({ place, failure }) => ({
      node: place.name,
      kind: 'failed',
      failure,
    }));
    return view(decisions, [...outcomes, ...unreached], dryRun);
  } finally {
    for (const link of links) link.close();
    await lock?.release();
  }
}

function sourceOf({ topology }: Cluster): Source {
  const { install } = topology.etcd;
  if (install !== undefined) return install;
  throw new Failure({
    exit: 'usage',
    what: 'the topology does not say where etcd comes from',
    next: 'add etcd: { install: ... } to your copy of it (coordinator template shows how), then coordinator apply -f FILE',
  });
}

function view(
  decisions: readonly InstallDecision[],
  outcomes: readonly InstallOutcome[],
  dryRun: boolean,
): View {
  const rows = [
    ...decisions.map((decision) => {
      const outcome = outcomes.find(({ node }) => node === decision.node);
      return { node: decision.node, ...rowOf(decision, outcome) };
    }),
    ...outcomes
      .filter(({ node }) => !decisions.some((decision) => decision.node === node))
      .map((outcome) => ({ node: outcome.node, ...rowOf(undefined, outcome) })),
  ];
  const nexts = [
    ...new Set([
      ...decisions.flatMap((decision) => (decision.kind === 'refused' ? [decision.next] : [])),
      ...outcomes.flatMap((outcome) => (outcome.kind === 'failed' ? (outcome.failure.parts.next ?? []) : [])),
    ]),
  ];
  return {
    document: { kind: 'EtcdInstall', outcome: dryRun ? 'planned' : 'done', nodes: rows },
    table: table(
      ['NODE', 'RESULT', 'MESSAGE'],
      rows.map(({ node, result, message }) => [node, result, message]),
    ),
    exit: exitOf(decisions, outcomes),
    notes: [...nexts.map((next) => `next: ${next}`), ...(dryRun ? ['nothing was changed'] : [])],
  };
}

function rowOf(decision: InstallDecision | undefined, outcome: InstallOutcome | undefined) {
  if (outcome?.kind === 'failed') {
    const { what, cause } = outcome.failure.parts;
    return { result: 'failed', message: cause === undefined ? what : `${what} (${cause})` };
  }
  if (outcome?.kind === 'installed') {
    const { version, path, changed } = outcome;
    return { result: changed ? 'installed' : 'present', message: `${path} ${version}`, version, path };
  }
  return { result: decision!.kind, message: describeDecision(decision!) };
}

function exitOf(decisions: readonly InstallDecision[], outcomes: readonly InstallOutcome[]): ExitName {
  const failed = outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' ? [outcome.failure.parts.exit] : [],
  );
  if (failed.length > 0) return failed[0]!;
  return decisions.some(({ kind }) => kind === 'held' || kind === 'refused') ? 'refused' : 'ok';
}
