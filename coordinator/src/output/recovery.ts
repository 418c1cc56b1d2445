/** The screens of a recovery: the survivors side by side, what could be lost, and what will be done. */
import type { Losses } from '../recover/plan/losses.js';
import type { Candidate, DisksSeen, Recovery } from '../recover/plan/plan-recover.js';
import { table } from './table.js';

/** One row for each node, the furthest survivor first. */
export function survivorTable({ candidates, empty, silent }: DisksSeen): string {
  const rows = candidates.map(({ survivor, losses }) => [
    survivor.node,
    survivor.etcd,
    `${survivor.etcd === 'runs' ? '' : '>= '}${survivor.revision}`,
    survivor.committed,
    `${survivor.lastIndex} (term ${survivor.lastTerm})`,
    survivor.changedAt ?? 'unknown',
    'before' in losses.kept ? losses.kept.before : 'not known',
  ]);
  const head = ['NODE', 'ETCD', 'REVISION', 'COMMITTED', 'LOG ENDS AT', 'LOG WRITTEN', 'HAS ALL UNTIL'];
  const others = [
    ...empty.map(({ node, why }) => `${node}: ${why}`),
    ...silent.map(
      ({ node, why, etcdAnswers, givenUp }) =>
        `${node}: ${givenUp ? 'given up' : 'not reached'}: ${why}${etcdAnswers ? '; its etcd runs' : ''}`,
    ),
    ...candidates.flatMap(({ survivor: { node, behind } }) =>
      behind === undefined
        ? []
        : [`${node}: its disk is an older one: ${behind.by} has seen its member at entry ${behind.index}`],
    ),
  ];
  return [...(rows.length === 0 ? [] : [table(head, rows)]), ...others].join('\n');
}

/** What going on from this survivor may cost, a sentence each. */
export function lossSentences({ survivor: { node, committed }, losses }: Candidate): string[] {
  return [keptSentence(node, losses), ...furtherSentences(node, committed, losses)];
}

function keptSentence(node: string, { kept }: Losses): string {
  return 'before' in kept
    ? `Everything acknowledged before ${kept.before} (clock of ${node}) is kept. Everything acknowledged after that may be lost; how much that is, nobody who is left can know.`
    : `Until when everything is kept is not known: ${kept.notKnown}. Any acknowledged write may be lost.`;
}

function furtherSentences(node: string, committed: string, { missing, unconfirmed }: Losses): string[] {
  const sentences: string[] = [];
  if (missing !== undefined)
    sentences.push(
      `At least ${entries(missing.entries)} of the log are lost: the agent of ${missing.by} has seen member ${missing.memberId} at entry ${missing.index}, and ${node} knows of ${committed}.`,
    );
  if (unconfirmed !== '0')
    sentences.push(
      `${entries(unconfirmed)} at the end of its log ${unconfirmed === '1' ? 'was' : 'were'} never confirmed to ${node} and will not be kept, though some may have been acknowledged.`,
    );
  return sentences;
}

function entries(count: string): string {
  return count === '1' ? '1 entry' : `${count} entries`;
}

/** The whole screen before a person is asked. */
export function recoveryScreen(cluster: string, plan: Recovery): string {
  const { chosen, recommended, reason, candidates, takePart, givenUp } = plan;
  const { node } = chosen.survivor;
  const isOther = node !== recommended.survivor.node;
  return [
    `Cluster ${cluster} has no quorum, and no majority of its ${plan.voters.length} voters has its data.`,
    '',
    survivorTable(plan),
    '',
    `Recommended: ${recommended.survivor.node}: ${reason}.`,
    ...(isOther ? [`Chosen by --from: ${node}.`] : []),
    '',
    `Going on from ${node}:`,
    ...lossSentences(chosen).map((sentence) => `  - ${sentence}`),
    ...warnings(plan).map((warning) => `  - ${warning}`),
    '',
    'What will be done:',
    ...stepsOf(plan).map((step, at) => `${String(at + 1).padStart(3)}. ${step}`),
    ...(candidates.length > 1
      ? [
          `Another survivor: --from ${candidates
            .filter((each) => each !== chosen)
            .map(({ survivor }) => survivor.node)
            .join('|')}`,
        ]
      : []),
    ...(givenUp.length === 0 ? [] : [`${givenUp.join(', ')}: joins again by itself when its agent is back.`]),
    `Members in the beginning: ${takePart.join(', ')}.`,
  ].join('\n');
}

export function stepsOf({ chosen, candidates, takePart }: Recovery): string[] {
  const stopped = candidates
    .filter(({ survivor }) => survivor.etcd === 'stopped')
    .map(({ survivor }) => survivor.node);
  return [
    ...(stopped.length === 0
      ? []
      : [`start etcd on ${stopped.join(', ')}, so that the end of its log is in what is saved`]),
    `save a snapshot of ${candidates.map(({ survivor }) => survivor.node).join(', ')} to this host${candidates.length > 1 ? ', each into a file of its own' : ''}`,
    `try the one of ${chosen.survivor.node} on every node that takes part`,
    `move all data of ${takePart.join(', ')} aside; nothing is deleted`,
    `restore that snapshot on ${takePart.join(', ')}, as a cluster with a new id`,
    'start them, and compare them',
  ];
}

function warnings({ givenUp, mayGoOn, silent }: Recovery): string[] {
  if (givenUp.length === 0) return [];
  const running = silent.filter(({ etcdAnswers }) => etcdAnswers).map(({ node }) => node);
  const names = givenUp.join(', ');
  return [
    mayGoOn
      ? `${names} are enough to be a quorum: where they still see each other, they go on acknowledging writes of whoever reaches them, and all of those are lost. Make sure that they are off.`
      : `${names} cannot be a quorum; whoever reaches nothing else reads old data there, until its agent is back.`,
    ...(running.length === 0 ? [] : [`etcd runs on ${running.join(', ')}: stop it first.`]),
  ];
}
