/** `coordinator recover`: when no quorum is left, goes on from the data of one survivor; or says what is to be done instead. */
import { randomUUID } from 'node:crypto';
import { withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { openCluster, placeOf } from '../cluster/open-cluster.js';
import { recorded } from '../operation.js';
import { lossSentences, recoveryScreen, stepsOf } from '../output/recovery.js';
import { recoveryDocument, refusalView } from '../output/recovery-refusal.js';
import type { View } from '../output/view.js';
import type { Recovery } from '../recover/plan/plan-recover.js';
import {
  assertRestorable,
  lookAndPlan,
  type RecoveryWork,
  restoreFrom,
  saveAll,
} from '../recover/run-recovery.js';
import { recoverCommand } from '../restore/carry-out.js';
import type { SavedSnapshot } from '../snapshots/save-snapshot.js';
import type { BootstrapRecord } from '../state/records.js';
import { changeSaved } from '../state/saved-snapshots.js';
import { confirmName } from './confirm-name.js';
import type { CommandContext } from './context.js';
import { afterwards, doneView, goOn } from './restore.js';

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
  const lock = await cluster.state.lock(recoverCommand);
  try {
    return await goOn(context, cluster, timeoutMs, 'coordinator recover');
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
  const done = await recorded(
    cluster.state,
    {
      action: 'recover',
      id,
      nodes: plan.takePart,
      plan: stepsOf(plan),
      before: beforeOf(record, plan),
      resume: recoverCommand,
    },
    async (audited) => {
      const file = await saveAll(work, plan, audited, id, saved);
      return restoreFrom(work, plan, audited, id, file);
    },
    afterwards,
  );
  const { notes = [], ...view } = doneView(context, cluster, done);
  const files = saved.map((each) => each.file).join(', ');
  return { ...view, notes: [`what every survivor had, for coordinator restore FILE: ${files}`, ...notes] };
}

function beforeOf({ clusterId, generation }: BootstrapRecord, plan: Recovery) {
  const survivors = plan.candidates.map(({ survivor: { node, committed, revision } }) => ({
    node,
    committed,
    revision,
  }));
  const { chosen, givenUp } = plan;
  return {
    clusterId,
    generation,
    survivors,
    chosen: chosen.survivor.node,
    losses: lossSentences(chosen),
    givenUp,
  };
}
