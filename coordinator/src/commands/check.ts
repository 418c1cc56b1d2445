/** `coordinator check`: the preflight of every node, everything at once. Enrols nodes that hold a token: it needs links. */
import { reachAll } from '../bootstrap/connect.js';
import { credentialsOf, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { decideInstalls } from '../etcd-install/install-on.js';
import {
  describeDecision,
  type InstallDecision,
  isToInstall,
  type Source,
} from '../etcd-install/plan/plan-install.js';
import type { ExitName } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import { table } from '../output/table.js';
import type { View } from '../output/view.js';
import type { Finding } from '../preflight/findings.js';
import { judge } from '../preflight/judge.js';
import { runPreflight } from '../preflight/run.js';
import type { CommandContext } from './context.js';

export async function check({ stateDir, progress }: CommandContext): Promise<View> {
  const cluster = await openCluster(stateDir);
  const { state, topology, places } = cluster;
  const credentials = await credentialsOf(cluster);
  const lock = await state.lock('coordinator check');
  const reached = await progress
    .phase('Reach the agents', () =>
      reachAll(places, { state, cluster: topology.name, credentials, mayEnrol: true }),
    )
    .finally(() => lock.release());
  try {
    const record = await readBootstrapRecord(state);
    const reports =
      reached.links.length === 0
        ? []
        : await progress.phase('Check', () => runPreflight(reached.links, topology.snapshots));
    const decisions = await decide(reached.links, topology.etcd.install);
    const findings: Finding[] = [
      ...reached.failures.map(({ place, failure: { parts } }) => ({
        node: place.name,
        check: 'agent',
        result: 'fail' as const,
        message: parts.what,
        ...(parts.next === undefined ? {} : { next: parts.next }),
      })),
      ...reached.links.map(({ place, hello }) => ({
        node: place.name,
        check: 'agent',
        result: 'ok' as const,
        message: `etcd-agent ${hello.version}`,
      })),
      ...judge(
        reports,
        record,
        new Map(decisions.filter(isToInstall).map((each) => [each.node, describeDecision(each)])),
      ),
      ...decisions.flatMap((each) => {
        if (each.kind !== 'refused') return [];
        const { node, why, next } = each;
        return [{ node, check: 'etcd-install', result: 'fail' as const, message: why, next }];
      }),
    ];
    return view(
      findings,
      places.map(({ name }) => name),
      exitOf(
        findings,
        reached.failures.map(({ failure }) => failure.parts.exit),
      ),
    );
  } finally {
    for (const link of reached.links) link.close();
  }
}

async function decide(links: readonly NodeLink[], source: Source | undefined): Promise<InstallDecision[]> {
  return source === undefined ? [] : decideInstalls(links, source);
}

function exitOf(findings: readonly Finding[], failures: readonly ExitName[]): ExitName {
  if (failures.includes('identity')) return 'identity';
  if (failures.length > 0) return failures[0]!;
  return findings.some(({ result }) => result === 'fail') ? 'refused' : 'ok';
}

function view(findings: readonly Finding[], order: readonly string[], exit: ExitName): View {
  const sorted = order.flatMap((node) => findings.filter((finding) => finding.node === node));
  const count = (result: Finding['result']) => sorted.filter((finding) => finding.result === result).length;
  const nexts = [
    ...new Set(
      sorted.flatMap(({ node, check, next }) => (next === undefined ? [] : [`${node} ${check}: ${next}`])),
    ),
  ];
  return {
    document: { kind: 'Check', findings: sorted },
    table: table(
      ['NODE', 'CHECK', 'RESULT', 'MESSAGE'],
      sorted.map(({ node, check, result, message }) => [node, check, result, message]),
    ),
    exit,
    notes: [
      `${count('ok')} ok, ${count('warn')} warnings, ${count('fail')} failed`,
      ...nexts,
      ...(exit === 'ok' ? ['next: coordinator bootstrap'] : []),
    ],
  };
}
