/** `coordinator bootstrap`: from agents to a healthy cluster, or on from wherever it was interrupted. */
import type { BootstrapStep } from '../bootstrap/plan/plan.js';
import { bootstrap } from '../bootstrap/run.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import { ask, type CommandContext } from './context.js';

export interface BootstrapFlags {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly reset: boolean;
  readonly timeoutMs: number;
}

export async function bootstrapCommand(
  { stateDir, progress }: CommandContext,
  flags: BootstrapFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const outcome = await bootstrap({
    cluster,
    progress,
    ...flags,
    confirm: async (steps) => {
      if (flags.yes) return true;
      process.stderr.write(`${describeSteps(cluster, steps)}\n`);
      return ask(
        `Bootstrap ${cluster.topology.name} on ${cluster.places.length} nodes?`,
        'coordinator bootstrap --yes',
      );
    },
  });
  switch (outcome.kind) {
    case 'planned':
      return {
        document: { kind: 'BootstrapPlan', cluster: cluster.topology.name, steps: outcome.steps },
        table: describeSteps(cluster, outcome.steps),
        notes: ['nothing was changed; next: coordinator bootstrap'],
      };
    case 'declined':
      return {
        document: { kind: 'Bootstrap', outcome: 'declined' },
        table: undefined,
        exit: 'failed',
        notes: ['nothing was changed'],
      };
    case 'done':
      return summary(cluster, stateDir, outcome.seen, outcome.findings);
  }
}

function summary(
  cluster: Cluster,
  stateDir: string,
  seen: ClusterView,
  findings: readonly { node: string; check: string; message: string }[],
): View {
  const rows = memberRows(cluster.places, seen);
  const lines = seen.endpoints.map(healthLine);
  return {
    document: {
      kind: 'Bootstrap',
      outcome: 'done',
      cluster: cluster.topology.name,
      members: rows,
      health: seen.endpoints.map(({ endpoint, health }) => ({ endpoint, ...health })),
    },
    table: [memberTable(rows), '', ...lines].join('\n'),
    notes: [
      ...findings.map(({ node, check, message }) => `warning: ${node} ${check}: ${message}`),
      `next: eval "$(coordinator --state ${stateDir} env)"; etcdctl member list`,
      `      coordinator --state ${stateDir} status`,
    ],
  };
}

/** The plan in words, a line a step. */
function describeSteps({ topology, places }: Cluster, steps: readonly BootstrapStep[]): string {
  const lines = steps.map((step, index) => `${String(index + 1).padStart(2)}. ${describe(step)}`);
  const nodes = places.map(({ name, clientURL }) => `${name} ${clientURL}`).join(', ');
  return [`Cluster ${topology.name}: ${nodes}`, ...lines].join('\n');
}

function describe(step: BootstrapStep): string {
  const nodes = 'nodes' in step ? step.nodes.join(', ') : '';
  switch (step.kind) {
    case 'enrol':
      return `enrol ${nodes} with their join tokens`;
    case 'quarantine':
      return `stop etcd on ${nodes} and move the data of bootstrap ${step.bootstrapId} aside`;
    case 'install':
      return `install etcd on ${nodes}, where it is missing or not the one of the topology`;
    case 'preflight':
      return `check ${nodes}; go on only if nothing fails`;
    case 'certify':
      return `make keys on ${nodes}, certify and install them`;
    case 'record':
      return step.what === 'new'
        ? 'write down a new bootstrap with a fresh random token'
        : 'write down the next generation';
    case 'configure':
      return `write etcd.conf on ${nodes}`;
    case 'start':
      return `start etcd on ${nodes}`;
    case 'verify':
      return `wait until a write succeeds through ${nodes}, and compare members and ids`;
  }
}
