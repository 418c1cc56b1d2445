/** `coordinator member remove NODE`: asks, removes, and says what is so then. */
import { systemClock } from '@etcd-agent/platform';
import { auditFailure } from '../audit.js';
import { readAdminCredentials } from '../authority.js';
import { silentNotes, withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { type Cluster, openCluster, placeOf } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import type { ExitName } from '../failure.js';
import type { Published } from '../generation/publish.js';
import { type RemovalFacts, type RemovalOutcome, removeMember } from '../members/remove-member.js';
import { seeVoter } from '../members/see-voter.js';
import { beginOperation, type Operation } from '../operation.js';
import { guardTable } from '../output/healing.js';
import type { View } from '../output/view.js';
import { ask, type CommandContext } from './context.js';

export interface MemberChangeFlags {
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export async function memberRemove(
  { stateDir, progress }: CommandContext,
  node: string,
  { dryRun, yes }: MemberChangeFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  placeOf(cluster, node, 'member remove');
  const lock = dryRun ? undefined : await cluster.state.lock('coordinator member remove');
  try {
    const record = await finishedRecord(cluster);
    const credentials = await readAdminCredentials(cluster.state);
    const look = () =>
      progress.phase('Look at the members', ({ note }) =>
        seeVoter({
          look: () => viewCluster(cluster.places, credentials),
          places: cluster.places,
          except: node,
          note,
          clock: systemClock,
        }),
      );
    let operation: Operation | undefined;
    const confirm = async (facts: RemovalFacts) => {
      if (!yes && !(await confirmed(cluster, facts))) return false;
      operation = await begin(cluster, facts);
      return true;
    };
    const outcome = await withAgents(cluster, cluster.places, (reached) =>
      removeMember({ cluster, node, record, look, dryRun, confirm }, reached),
    ).catch(async (error: unknown) => {
      if (operation !== undefined) await operation.fail(error);
      else if (!dryRun) await auditFailure(cluster.state, { action: 'member remove', node }, error);
      throw error;
    });
    if (!dryRun) await end(operation ?? (await begin(cluster, outcome.facts)), outcome);
    return removalView(outcome);
  } finally {
    await lock?.release();
  }
}

function confirmed({ topology }: Cluster, { node, memberId, guards }: RemovalFacts): Promise<boolean> {
  process.stderr.write(`${guardTable(guards)}\n`);
  const question = `Remove ${node} (member ${memberId ?? 'gone already'}) from ${topology.name}?`;
  return ask(question, `coordinator member remove ${node} --yes`);
}

/** What is so now, as far as it is known, and the next command. */
export function removalView(outcome: RemovalOutcome): View {
  const { kind, facts } = outcome;
  const { node, memberId, voter, guards } = facts;
  const published = 'published' in outcome ? outcome.published : undefined;
  const nowId = outcome.kind === 'changed' ? outcome.nowId : undefined;
  const heads: Record<RemovalOutcome['kind'], string> = {
    planned: `${named(facts)} would be removed, through ${voter ?? 'nobody: it is not in the list'}`,
    declined: `${named(facts)} stays`,
    refused: `${named(facts)} may not be removed now`,
    removed: memberId === null ? `${node} is not in the member list` : `${named(facts)} is removed`,
    stillThere: `${named(facts)} is still there`,
    changed: `${node} has another member than the one that was asked for: ${nowId}, not ${memberId ?? 'none'}`,
    unknown: `whether ${named(facts)} is removed is not known`,
  };
  return {
    document: {
      kind: 'MemberRemove',
      outcome: kind,
      ...facts,
      ...(nowId === undefined ? {} : { nowId }),
      ...told(published),
    },
    table: [heads[kind], ...(guards.length === 0 ? [] : [guardTable(guards)])].join('\n'),
    exit: exits[kind],
    notes: notesOf(outcome),
  };
}

const exits: Record<RemovalOutcome['kind'], ExitName> = {
  planned: 'ok',
  declined: 'failed',
  refused: 'refused',
  changed: 'refused',
  removed: 'ok',
  stillThere: 'refused',
  unknown: 'failed',
};

function notesOf(outcome: RemovalOutcome): string[] {
  const { node } = outcome.facts;
  switch (outcome.kind) {
    case 'planned':
    case 'declined':
      return ['nothing was changed'];
    case 'refused':
      return ['nothing was changed', `next: coordinator status; coordinator explain ${node}`];
    case 'changed':
      return [
        'nothing was changed: its own repair gave it that member meanwhile',
        `next: coordinator status; where ${node} is to go all the same: coordinator member remove ${node}`,
      ];
    case 'removed':
      return [
        ...notTold(node, outcome.published),
        `${node} is not wanted in the cluster any more, until: coordinator member replace ${node}`,
      ];
    case 'stillThere':
      return [
        ...notTold(node, outcome.published),
        `${node} is marked as not wanted, and its member is still there: nobody heals it`,
        `next: coordinator member remove ${node} again, or coordinator member replace ${node} to take that back`,
      ];
    case 'unknown':
      return [
        ...notTold(node, outcome.published),
        `${node} is marked as not wanted; its member may be removed, or be removed in a moment, or still be there`,
        `next: coordinator member list; where it is still there: coordinator member remove ${node} again`,
      ];
  }
}

function named({ node, memberId }: RemovalFacts): string {
  return memberId === null ? node : `member ${memberId} of ${node}`;
}

function told(published: Published | undefined) {
  if (published === undefined) return {};
  return {
    generation: published.record.generation,
    missed: published.missed.map(({ place, failure }) => ({ node: place.name, why: failure.parts.what })),
  };
}

/** Agents hear of it from each other too; that the removed host is silent is the rule. */
function notTold(node: string, { missed }: Published): string[] {
  return silentNotes(
    missed.filter(({ place }) => place.name !== node),
    'was not told',
  );
}

function begin({ state }: Cluster, { node, ...before }: RemovalFacts): Promise<Operation> {
  return beginOperation(state, {
    action: 'member remove',
    nodes: [node],
    before,
    resume: `coordinator member remove ${node}`,
  });
}

function end(operation: Operation, { kind, facts: { node: _, ...after } }: RemovalOutcome): Promise<void> {
  const outcome = kind === 'removed' ? 'ok' : kind === 'unknown' ? 'failed' : 'refused';
  return operation.end(outcome, { ...after, outcome: kind });
}
