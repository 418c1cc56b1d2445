/** `coordinator recover`: when no quorum is left, goes on from the data of one survivor; or says what is to be done instead. */
import { randomUUID } from 'node:crypto';
import { withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { openCluster, placeOf } from '../cluster/open-cluster.js';
import { beginOperation } from '../operation.js';
import { lossSentences, recoveryScreen, stepsOf } from '../output/recovery.js';
import { recoveryDocument, refusalView } from '../output/recovery-refusal.js';
import type { View } from '../output/view.js';
import {
  assertRestorable,
  lookAndPlan,
  type RecoveryWork,
  restoreFrom,
  resumeCommand,
  saveAll,
} from '../recover/run-recovery.js';
import type { SavedSnapshot } from '../snapshots/save-snapshot.js';
import { changeSaved } from '../state/saved-snapshots.js';
import { confirmName } from './confirm-name.js';
import type { CommandContext } from './context.js';
import { doneView, goOn } from './restore.js';

export interface RecoverFlags {
  readonly giveUp: readonly string[];
  readonly from: string | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly confirm: string | undefined;
  readonly timeoutMs: number;
}

export async function recover(context: CommandContext, flags: RecoverFlags): Promise<View> {
  const cluster = await openCluster(context.stateDir);
  for (const node of [...flags.giveUp, ...(flags.from === undefined ? [] : [flags.from])])
    placeOf(cluster, node, 'recover --give-up');
  const saved: SavedSnapshot[] = [];
  const lock = flags.dryRun ? undefined : await cluster.state.lock('coordinator recover');
  try {
    const record = await finishedRecord(cluster);
    return await withAgents(cluster, cluster.places, (reached) =>
      planAndRecover(
        context,
        flags,
        { cluster, progress: context.progress, record, reached, wish: flags },
        saved,
      ),
    );
  } finally {
    await lock?.release();
    if (saved.length > 0)
      await changeSaved(cluster.state, 'coordinator recover', (notes) => [
        ...notes,
        ...saved.map((each) => ({ ...each, verified: null })),
      ]);
  }
}

/** Goes on with the recovery that is under way; where none is, tells nodes that were given up of the last one. */
export async function resumeRecovery(context: CommandContext, timeoutMs: number): Promise<View> {
  const cluster = await openCluster(context.stateDir);
  const lock = await cluster.state.lock(resumeCommand);
  try {
    const { notes = [], ...view } = await goOn(context, cluster, timeoutMs);
    return { ...view, notes: notes.map(asRecovery) };
  } finally {
    await lock.release();
  }
}

async function planAndRecover(
  context: CommandContext,
  flags: RecoverFlags,
  work: RecoveryWork,
  saved: SavedSnapshot[],
): Promise<View> {
  const { cluster, record } = work;
  const { name } = cluster.topology;
  const plan = await lookAndPlan(work);
  if (plan.kind !== 'recover') return refusalView(name, plan);
  if (flags.dryRun)
    return {
      document: { ...recoveryDocument(name, plan), steps: stepsOf(plan) },
      table: recoveryScreen(name, plan),
      notes: ['nothing was changed; next: coordinator recover'],
    };
  // Before a person has read a page: what would stop the restore at its beginning.
  await assertRestorable(work, plan, undefined);
  process.stderr.write(`${recoveryScreen(name, plan)}\n`);
  await confirmName({
    question: `This makes a new cluster of what ${plan.chosen.survivor.node} has.`,
    name,
    yes: flags.yes,
    confirm: flags.confirm,
    command: ['coordinator recover', ...flags.giveUp.map((node) => `--give-up ${node}`)].join(' '),
  });
  const id = randomUUID();
  const audited = await beginOperation(cluster.state, {
    action: 'recover',
    id,
    nodes: plan.takePart,
    plan: stepsOf(plan),
    before: {
      clusterId: record.clusterId,
      generation: record.generation,
      survivors: plan.candidates.map(({ survivor: { node, committed, revision } }) => ({
        node,
        committed,
        revision,
      })),
      chosen: plan.chosen.survivor.node,
      losses: lossSentences(plan.chosen),
      givenUp: plan.givenUp,
    },
    resume: resumeCommand,
  });
  try {
    const file = await saveAll(work, plan, audited, id, saved);
    const done = await restoreFrom(work, plan, audited, id, file);
    await audited.end('ok', { clusterId: done.record.clusterId, generation: done.record.generation });
    const { notes = [], ...view } = doneView(context, cluster, done);
    const files = saved.map((each) => each.file).join(', ');
    return { ...view, notes: [`what every survivor had: ${files}`, ...notes.map(asRecovery)] };
  } catch (error) {
    await audited.fail(error);
    throw error;
  }
}

/** A restore's words name a restore's command. */
function asRecovery(note: string): string {
  return note.replace('coordinator restore --resume', resumeCommand);
}
