/** `coordinator restore undo`: the cluster that there was before the newest restore, from what that has moved aside. */
import { randomUUID } from 'node:crypto';
import type { Reached } from '../bootstrap/connect.js';
import { withAgents } from '../cluster/ask-agents.js';
import { type Cluster, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { recorded } from '../operation.js';
import type { View } from '../output/view.js';
import { restoreCommand } from '../restore/carry-out.js';
import { lookForUndo } from '../restore/look.js';
import { planUndo, type UndoPlan } from '../restore/plan/plan-undo.js';
import { recordBefore } from '../restore/record.js';
import { undoRestore } from '../restore/restore-cluster.js';
import type { BootstrapRecord } from '../state/records.js';
import { confirmName } from './confirm-name.js';
import type { CommandContext } from './context.js';
import { afterwards, doneView, goOn, type RestoreFlags } from './restore.js';

export type UndoFlags = Pick<RestoreFlags, 'without' | 'dryRun' | 'yes' | 'confirm' | 'timeoutMs'>;

export async function restoreUndo(context: CommandContext, flags: UndoFlags): Promise<View> {
  const cluster = await openCluster(context.stateDir);
  const lock = await cluster.state.lock('coordinator restore undo');
  try {
    const record = await readBootstrapRecord(cluster.state);
    if (record === undefined)
      throw new Failure({
        exit: 'failed',
        what: 'this cluster is not bootstrapped yet',
        next: 'coordinator bootstrap',
      });
    // It is under way: it goes on, but for another choice of nodes.
    if (record.underWay?.kind === 'undo' && flags.without.length === 0)
      return await goOn(context, cluster, flags.timeoutMs);
    return await withAgents(cluster, cluster.places, (reached) =>
      planAndUndo(context, cluster, record, flags, reached),
    );
  } finally {
    await lock.release();
  }
}

async function planAndUndo(
  context: CommandContext,
  cluster: Cluster,
  record: BootstrapRecord,
  flags: UndoFlags,
  reached: Reached,
): Promise<View> {
  const of = restoreOf(record);
  const former = await recordBefore(cluster.state, of);
  const plan = accepted(
    planUndo({
      nodes: await lookForUndo(cluster, of, former, reached),
      without: flags.without,
      former: {
        clusterId: former.clusterId,
        members: former.members.map(({ name }) => name),
        unwanted: former.unwanted,
      },
      unfinished: record.underWay !== undefined,
    }),
  );
  const text = planText(cluster, of, former, plan);
  if (flags.dryRun)
    return {
      document: { ...plan, kind: 'RestoreUndoPlan', cluster: cluster.topology.name, operation: of },
      table: text,
      notes: ['nothing was changed'],
    };
  process.stderr.write(`${text}\n`);
  await confirmName({
    question: `This takes the restore back: ${cluster.topology.name} is what it was before.`,
    name: cluster.topology.name,
    yes: flags.yes,
    confirm: flags.confirm,
    command: 'coordinator restore undo',
  });
  const id = randomUUID();
  const { clusterId, generation } = record;
  const done = await recorded(
    cluster.state,
    {
      action: 'restore undo',
      id,
      nodes: plan.nodes,
      plan: plan.steps,
      before: { clusterId, generation, losses: plan.losses, undoes: of },
      resume: restoreCommand,
    },
    (audited) =>
      undoRestore(
        { cluster, reached, progress: context.progress, audited, timeoutMs: flags.timeoutMs },
        record,
        { kind: 'undo', id, command: restoreCommand, nodes: [...plan.nodes], of },
      ),
    afterwards,
  );
  return doneView(context, cluster, done);
}

/** The restore that made the cluster of today, or is making it: a restored cluster is named by its operation. */
function restoreOf({ bootstrapId, underWay }: BootstrapRecord): string {
  if (underWay === undefined) return bootstrapId;
  return underWay.kind === 'undo' ? underWay.of : underWay.id;
}

function accepted(plan: UndoPlan): Extract<UndoPlan, { kind: 'undo' }> {
  if (plan.kind === 'undo') return plan;
  throw new Failure({
    exit: 'refused',
    what: 'this restore cannot be taken back now; nothing was changed',
    where: plan.refusals.map(({ what }) => what),
    next: [...new Set(plan.refusals.map(({ next }) => next))].join('\n'),
  });
}

function planText(
  { topology }: Cluster,
  of: string,
  { clusterId }: BootstrapRecord,
  { losses, steps }: Extract<UndoPlan, { kind: 'undo' }>,
): string {
  return [
    `Taking restore ${of} of ${topology.name} back: cluster ${clusterId} again`,
    ...losses.map((line) => `  ${line}`),
    'What is done:',
    ...steps.map((step, at) => `${String(at + 1).padStart(3)}. ${step}`),
  ].join('\n');
}
