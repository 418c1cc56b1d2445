/** `coordinator restore FILE`: a snapshot in the place of the cluster's data. `restore --resume` goes on with what was cut short. */
import { randomUUID } from 'node:crypto';
import { featuresOf, parseEtcdVersion } from '@etcd-agent/etcd';
import { failureOf, type Reached } from '../bootstrap/connect.js';
import { silentNotes, withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { type Cluster, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { publish } from '../generation/publish.js';
import { recorded } from '../operation.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import { type CarriedOut, canTakeBack, carryOut, restoreCommand } from '../restore/carry-out.js';
import { isOfThisCluster, lookForRestore } from '../restore/look.js';
import { planRestore, type RestoreFacts, type RestorePlan } from '../restore/plan/plan-restore.js';
import { type RestorableFile, readRestorable } from '../restore/restorable-file.js';
import { restoreCluster } from '../restore/restore-cluster.js';
import { sendAndTry } from '../restore/send-and-try.js';
import { refuseNewer } from '../snapshots/snapshot-file.js';
import type { BootstrapRecord } from '../state/records.js';
import { confirmName } from './confirm-name.js';
import type { CommandContext } from './context.js';

export interface RestoreFlags {
  readonly without: readonly string[];
  readonly bumpRevision: number | undefined;
  readonly skipHashCheck: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly confirm: string | undefined;
  readonly timeoutMs: number;
}

export async function restore(context: CommandContext, name: string, flags: RestoreFlags): Promise<View> {
  const cluster = await openCluster(context.stateDir);
  const lock = await cluster.state.lock('coordinator restore');
  try {
    const file = await context.progress.phase('Read the snapshot', () => readRestorable(name));
    const { underWay } = (await readBootstrapRecord(cluster.state)) ?? {};
    // The same command again goes on with what it began.
    if (underWay?.kind === 'restore' && underWay.snapshot.sha256 === file.sha256)
      return await goOn(context, cluster, flags.timeoutMs);
    const record = await finishedRecord(cluster);
    refuseNewer(file, record.etcdVersion);
    return await withAgents(cluster, cluster.places, (reached) =>
      planAndRestore(context, { cluster, record, file, flags }, reached),
    );
  } finally {
    await lock.release();
  }
}

/** Goes on with the restore, or the undoing of one, that is under way; where none is, tells nodes that were away of the last one. */
export async function resumeRestore(context: CommandContext, timeoutMs: number): Promise<View> {
  const cluster = await openCluster(context.stateDir);
  const lock = await cluster.state.lock(restoreCommand);
  try {
    return await goOn(context, cluster, timeoutMs);
  } finally {
    await lock.release();
  }
}

interface Restoring {
  readonly cluster: Cluster;
  readonly record: BootstrapRecord;
  readonly file: RestorableFile;
  readonly flags: RestoreFlags;
}

async function planAndRestore(context: CommandContext, work: Restoring, reached: Reached): Promise<View> {
  const { cluster, record, file, flags } = work;
  const { progress } = context;
  const factsWith = async (content: RestoreFacts['snapshot']['content']): Promise<RestoreFacts> => ({
    nodes: await lookForRestore(cluster, record, reached),
    without: flags.without,
    unwanted: record.unwanted,
    snapshot: { bytes: file.bytes, seal: file.seal, isKubernetes: file.isKubernetes, content },
    unsealed: flags.skipHashCheck,
    bumpRevision: flags.bumpRevision,
    canBump: featuresOf(parseEtcdVersion(record.etcdVersion)!).bumpRevision,
  });
  const first = accepted(planRestore(await progress.phase('Look at the nodes', () => factsWith(undefined))));
  const links = reached.links.filter(({ place }) => first.nodes.includes(place.name));
  // On every node: each has a program of its own that restores, and a disk of its own.
  const content = await progress.phase(
    `Send the snapshot to ${first.nodes.join(', ')} and try it there`,
    (report) => sendAndTry(file, links, report),
  );
  const same = await isOfThisCluster(cluster, content);
  const plan = accepted(planRestore(await factsWith(content)));
  const foreign =
    same?.equal === false
      ? [
          `${same.node} did not have these keys at revision ${content.revision}: the snapshot is of another cluster, or of another history of this one`,
        ]
      : [];
  const ofThis =
    same?.equal === true
      ? [`it is of this cluster: ${same.node} had the very same keys at that revision`]
      : [];
  const shown = { ...plan, losses: [...plan.losses, ...ofThis], warnings: [...plan.warnings, ...foreign] };
  if (flags.dryRun)
    return {
      document: { ...shown, kind: 'RestorePlan', cluster: cluster.topology.name, ...snapshotDocument(file) },
      table: planText(cluster, file, shown),
      notes: ['the snapshot lies on these nodes now; nothing else was changed'],
    };
  process.stderr.write(`${planText(cluster, file, shown)}\n`);
  await confirmName({
    question: `This puts the snapshot in the place of all data of ${cluster.topology.name}.`,
    name: cluster.topology.name,
    yes: flags.yes,
    confirm: flags.confirm,
    command: `coordinator restore ${file.path}`,
  });
  const id = randomUUID();
  const { clusterId, generation } = record;
  const done = await recorded(
    cluster.state,
    {
      action: 'restore',
      id,
      nodes: plan.nodes,
      plan: plan.steps,
      before: { clusterId, generation, losses: shown.losses, snapshot: file.sha256 },
      resume: restoreCommand,
    },
    (audited) =>
      restoreCluster(
        { cluster, reached, progress, audited, timeoutMs: flags.timeoutMs },
        {
          before: record,
          etcdVersion: record.etcdVersion,
          operation: {
            kind: 'restore',
            id,
            command: restoreCommand,
            nodes: [...plan.nodes],
            snapshot: { sha256: file.sha256, bytes: file.bytes, bumpRevision: plan.bumpRevision },
          },
        },
      ),
    afterwards,
  );
  return doneView(context, cluster, done);
}

/** `begin`: what begins one, for whoever finds that none is under way. */
export async function goOn(
  context: CommandContext,
  cluster: Cluster,
  timeoutMs: number,
  begin = 'coordinator restore FILE',
): Promise<View> {
  const record = await readBootstrapRecord(cluster.state);
  if (record?.completedAt === undefined)
    throw new Failure({
      exit: 'failed',
      what: 'this cluster is not bootstrapped yet',
      next: 'coordinator bootstrap',
    });
  const { underWay } = record;
  return withAgents(cluster, cluster.places, async (reached) => {
    if (underWay === undefined) return tellAway(cluster, record, reached, begin);
    const { id, nodes, command: resume } = underWay;
    const done = await recorded(
      cluster.state,
      { action: underWay.kind === 'restore' ? 'restore' : 'restore undo', id, nodes, resume },
      (audited) => carryOut({ cluster, reached, progress: context.progress, audited, timeoutMs }, record),
      afterwards,
    );
    return doneView(context, cluster, done);
  });
}

/** What the audit log keeps of a cluster that was put in another's place. */
export function afterwards({ record: { clusterId, generation } }: CarriedOut) {
  return { clusterId, generation };
}

/** Nothing is under way: nodes that were away when the last one ended are told of it, and rejoin by themselves. */
async function tellAway(
  cluster: Cluster,
  record: BootstrapRecord,
  reached: Reached,
  begin: string,
): Promise<View> {
  const behind = reached.links.filter(({ hello }) => hello.generation < record.generation);
  const { missed, record: now } = await publish(cluster, record, reached);
  const told = behind
    .map(({ place }) => place.name)
    .filter((name) => !missed.some(({ place }) => place.name === name));
  if (reached.links.length === 0) throw failureOf(reached.failures);
  return {
    document: { kind: 'Restore', outcome: 'nothingUnderWay', generation: now.generation, told },
    table:
      told.length === 0
        ? `no restore is under way; every agent that answers has generation ${now.generation}`
        : `no restore is under way; ${told.join(', ')} now ${told.length === 1 ? 'has' : 'have'} generation ${now.generation}`,
    exit: missed.length === 0 ? 'ok' : 'degraded',
    notes: [
      ...silentNotes(missed, 'still acts by what it was told before'),
      told.length === 0 ? `to begin one: ${begin}` : `next: coordinator explain ${told[0]}`,
    ],
  };
}

function accepted(plan: ReturnType<typeof planRestore>): RestorePlan {
  if (plan.kind === 'restore') return plan;
  throw new Failure({
    exit: 'refused',
    what: 'this restore must not begin; nothing was changed',
    where: plan.refusals.map(({ what }) => what),
    next: [...new Set(plan.refusals.map(({ next }) => next))].join('\n'),
  });
}

function planText({ topology }: Cluster, { path, sha256, bytes }: RestorableFile, plan: RestorePlan): string {
  return [
    `Restore of ${topology.name} from ${path} (${bytes} bytes, ${sha256.slice(0, 12)})`,
    ...plan.losses.map((line) => `  ${line}`),
    ...plan.warnings.map((line) => `  warning: ${line}`),
    'What is done:',
    ...plan.steps.map((step, at) => `${String(at + 1).padStart(3)}. ${step}`),
  ].join('\n');
}

function snapshotDocument({ path, sha256, bytes, seal }: RestorableFile) {
  return { file: path, sha256, bytes, seal };
}

/** What is so now, and how it is taken back. */
export function doneView(
  { stateDir }: CommandContext,
  { places }: Cluster,
  { operation, record, seen, missed }: CarriedOut,
): View {
  const shown = places.filter(({ name }) => seen.endpoints.some((endpoint) => endpoint.name === name));
  const rows = memberRows(shown, seen);
  const unhealthy = seen.endpoints
    .filter(({ health }) => health.kind === 'unhealthy')
    .map(({ name }) => name);
  return {
    document: {
      kind: 'Restore',
      outcome: 'done',
      clusterId: record.clusterId,
      generation: record.generation,
      members: rows,
      missed: missed.map(({ place, failure }) => ({ node: place.name, why: failure.parts.what })),
    },
    table: [memberTable(rows), '', ...seen.endpoints.map(healthLine)].join('\n'),
    exit: missed.length + unhealthy.length === 0 ? 'ok' : 'degraded',
    notes: [
      ...unhealthy.map(
        (name) => `${name} is what it was before, and not healthy: coordinator explain ${name}`,
      ),
      ...silentNotes(missed, 'was not told and still acts by what it was told before'),
      ...(missed.length === 0
        ? []
        : [`when they are back: ${operation.command}; they rejoin by themselves then`]),
      canTakeBack(operation)
        ? `the data that was there before is kept on every node; to take this back: coordinator --state ${stateDir} restore undo`
        : `the data that was there before is kept on every node, beside its data dir`,
    ],
  };
}

export function nameAFile(): Failure {
  return new Failure({
    exit: 'usage',
    what: 'which snapshot is not said',
    next: 'coordinator restore FILE (coordinator snapshot list shows what there is), or coordinator restore --resume',
  });
}
