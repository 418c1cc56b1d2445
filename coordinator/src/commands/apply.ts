/** `coordinator apply -f FILE`: another policy for healing or snapshots of a running cluster, told to every agent in a new generation. */
import { exitOfAnswers, silentNotes, withAgents } from '../cluster/ask-agents.js';
import { refuseWhileUnderWay } from '../cluster/finished.js';
import { type Cluster, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { checkEtcdFile, keepEtcdFile } from '../etcd-install/etcd-file.js';
import { Failure } from '../failure.js';
import { type Published, publish } from '../generation/publish.js';
import { recorded } from '../operation.js';
import type { View } from '../output/view.js';
import { type Difference, differences } from '../topology/differences.js';
import { readTopology } from '../topology/read.js';
import type { CommandContext } from './context.js';

export interface ApplyFlags {
  readonly file: string;
  readonly dryRun: boolean;
}

export async function apply({ stateDir }: CommandContext, { file, dryRun }: ApplyFlags): Promise<View> {
  const { topology, warnings, sources } = readTopology(file);
  const cluster = await openCluster(stateDir);
  const changes = differences(cluster.topology, topology);
  refuseOthers(changes, file);
  const { install } = topology.etcd;
  const named =
    install?.from === 'file' && changes.some(isInstall) ? await checkEtcdFile(file, install) : undefined;
  const remarks = warnings.map(({ where, path, message }) => `warning: ${where}: ${path} ${message}`);
  if (dryRun) {
    return {
      document: { kind: 'Apply', outcome: 'planned', changes },
      table: changeLines(changes),
      notes: [...remarks, 'nothing was changed'],
    };
  }
  const lock = await cluster.state.lock('coordinator apply');
  try {
    refuseWhileUnderWay(await readBootstrapRecord(cluster.state));
    const plan = { action: 'apply', plan: changes.map(changeLine), resume: `coordinator apply -f ${file}` };
    const published = await recorded(
      cluster.state,
      plan,
      async (operation) => {
        if (named !== undefined)
          await operation.step('keep the file with etcd', () => keepEtcdFile(cluster.state, named));
        // The topology first: a run that is cut short here finds what it has to send in the digests.
        if (changes.length > 0) await cluster.state.write(sources.get('cluster.yaml')!, 'cluster.yaml');
        return operation.step('tell the agents', () => tell({ ...cluster, topology }));
      },
      (value) => (value === undefined ? {} : { generation: value.record.generation, told: value.told }),
    );
    return appliedView(changes, published, remarks);
  } finally {
    await lock.release();
  }
}

/** Undefined before the end of the bootstrap, which sends what is in the topology then. */
async function tell(cluster: Cluster): Promise<Published | undefined> {
  const record = await readBootstrapRecord(cluster.state);
  if (record?.completedAt === undefined) return undefined;
  return withAgents(cluster, cluster.places, (reached) => publish(cluster, record, reached));
}

function refuseOthers(changes: readonly Difference[], file: string): void {
  const others = changes.filter(
    (change) => !/^(healing\.|snapshots$|snapshots\.)/.test(change.path) && !isInstall(change),
  );
  if (others.length === 0) return;
  throw new Failure({
    exit: 'refused',
    what: `${file} differs from the running cluster in more than healing, snapshots and etcd.install`,
    where: others.map(changeLine),
    cause: 'members, certificates and etcd settings of a running cluster are not changed by apply',
    next: `put those keys of ${file} back`,
  });
}

/** Where the etcd of hosts comes from that have none yet: nothing of what runs. */
function isInstall({ path }: Difference): boolean {
  return path === 'etcd.install' || path.startsWith('etcd.install.');
}

function appliedView(
  changes: readonly Difference[],
  published: Published | undefined,
  remarks: readonly string[],
): View {
  if (published === undefined) {
    return {
      document: { kind: 'Apply', outcome: 'kept', changes },
      table: changeLines(changes),
      notes: [...remarks, 'next: coordinator bootstrap sends it'],
    };
  }
  const { told, missed, record } = published;
  return {
    document: {
      kind: 'Apply',
      outcome: 'sent',
      changes,
      generation: record.generation,
      told,
      missed: missed.map(({ place, failure }) => ({ node: place.name, why: failure.parts.what })),
    },
    table: `${changeLines(changes)}\ngeneration ${record.generation}: ${told.join(', ') || 'nobody'}`,
    exit: exitOfAnswers({ answered: told, silent: missed }),
    notes: [
      ...remarks,
      ...silentNotes(missed, 'still goes by the former policies'),
      ...(missed.length === 0 ? [] : ['then run coordinator apply again: it sends to the rest']),
    ],
  };
}

function changeLines(changes: readonly Difference[]): string {
  return changes.length === 0
    ? 'healing, snapshots and etcd.install are as they were'
    : changes.map(changeLine).join('\n');
}

function changeLine({ path, before, after }: Difference): string {
  return `${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`;
}
