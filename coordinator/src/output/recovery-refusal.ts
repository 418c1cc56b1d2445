/** What `recover` says where there is nothing to recover, or not yet; and what it found, for scripts. */
import { Failure } from '../failure.js';
import type { Candidate, DisksSeen, RecoverPlan } from '../recover/plan/plan-recover.js';
import { lossSentences, survivorTable } from './recovery.js';
import type { View } from './view.js';

/** Why there is nothing to recover, and what is to be done instead. Throws Failure where there is nothing to show. */
export function refusalView(cluster: string, plan: Exclude<RecoverPlan, { kind: 'recover' }>): View {
  switch (plan.kind) {
    case 'quorum':
      throw new Failure({
        exit: 'refused',
        what: `cluster ${cluster} still has a quorum: reads go through ${plan.through.join(', ')}`,
        cause:
          'a recovery would throw away what it acknowledges; members that fail are repaired by their agents',
        next: 'coordinator status',
      });
    case 'notSilent':
      throw new Failure({
        exit: 'usage',
        what: `${plan.nodes.join(', ')} cannot be given up: its agent answers, and it takes part`,
        next: 'the same command without --give-up of it; to have it removed afterwards: coordinator member remove NODE',
      });
    case 'noSuchSurvivor':
      throw new Failure({
        exit: 'usage',
        what: `${plan.from} has no data of the cluster to go on from`,
        next: `coordinator recover --from ${plan.survivors.join('|')}`,
      });
    case 'start':
      return {
        document: { ...recoveryDocument(cluster, plan), start: plan.intact },
        table: `${startText(cluster, plan)}\n\n${survivorTable(plan)}`,
        exit: 'refused',
        notes: startNotes(plan),
      };
    case 'silent':
      return {
        document: { ...recoveryDocument(cluster, plan), missing: plan.missing },
        table: [
          `${plan.missing.join(', ')} cannot be reached, so nobody knows what is on their disks.`,
          '',
          survivorTable(plan),
        ].join('\n'),
        exit: 'refused',
        notes: [
          plan.enough
            ? 'next: bring them back first; with their data there is a quorum again, and nothing is lost'
            : 'next: bring them back, if it can be done: their data may be newer than all that is here',
          `or, for hosts that do not come back: coordinator recover ${plan.missing.map((node) => `--give-up ${node}`).join(' ')}`,
          'warning: hosts that were given up and still see each other may go on acknowledging writes, which will be lost; make sure that they are off',
        ],
      };
    case 'noData':
      return {
        document: recoveryDocument(cluster, plan),
        table: `No node that was reached has data of cluster ${cluster}.\n\n${survivorTable(plan)}`,
        exit: 'refused',
        notes: ['next: coordinator snapshot list; coordinator restore FILE'],
      };
  }
}

function startText(cluster: string, { intact, voters }: Extract<RecoverPlan, { kind: 'start' }>): string {
  const names = intact.map(({ node }) => node).join(', ');
  const allRun = intact.every(({ runs }) => runs);
  return [
    `Cluster ${cluster} lost its quorum, and not its data: ${intact.length} of ${voters.length} voters have theirs (${names}).`,
    allRun
      ? 'They run and do not find a leader: the network between their peer ports is where to look.'
      : 'Started, they are the cluster again and nothing is lost. A recovery would lose writes for nothing.',
  ].join('\n');
}

function startNotes({ intact }: Extract<RecoverPlan, { kind: 'start' }>): string[] {
  const commands = [...new Set(intact.flatMap((each) => each.commands))];
  const next =
    commands.length > 0 ? commands : intact.map(({ node }) => `coordinator explain ${node}`).slice(0, 1);
  return [...next.map((command) => `next: ${command}`), 'then: coordinator status'];
}

/** What was found, for scripts. */
export function recoveryDocument(cluster: string, plan: { readonly kind: string } & DisksSeen) {
  const recovery = plan as Partial<Extract<RecoverPlan, { kind: 'recover' }>>;
  return {
    kind: 'RecoverPlan' as const,
    cluster,
    outcome: plan.kind,
    voters: plan.voters.length,
    survivors: plan.candidates.map(survivorDocument),
    empty: plan.empty,
    silent: plan.silent,
    ...(recovery.chosen === undefined
      ? {}
      : {
          recommended: recovery.recommended!.survivor.node,
          reason: recovery.reason,
          chosen: recovery.chosen.survivor.node,
          losses: { ...recovery.chosen.losses, sentences: lossSentences(recovery.chosen) },
          takePart: recovery.takePart,
          givenUp: recovery.givenUp,
        }),
  };
}

function survivorDocument({ survivor, losses }: Candidate) {
  const { report, members: _, changedAt = null, behind = null, ...facts } = survivor;
  return { ...facts, changedAt, behind, losses, quarantines: report.quarantines };
}
