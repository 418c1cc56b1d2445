/** `coordinator member remove NODE`: asks, removes, and says what is so then. */
import { systemClock } from '@etcd-agent/platform';
import { audit } from '../audit.js';
import { readAdminCredentials } from '../authority.js';
import { silentNotes, withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { type Cluster, openCluster, placeOf } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { Published } from '../generation/publish.js';
import { type RemovalFacts, type RemovalOutcome, removeMember } from '../members/remove-member.js';
import { seeVoter } from '../members/see-voter.js';
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
    const seen = await progress.phase('Look for a healthy voter', ({ note }) =>
      seeVoter({
        look: () => viewCluster(cluster.places, credentials),
        places: cluster.places,
        except: node,
        note,
        clock: systemClock,
      }),
    );
    if (seen.members === undefined) throw noList(cluster);
    const confirm = async (facts: RemovalFacts) => yes || (await confirmed(cluster, facts));
    const outcome = await withAgents(cluster, cluster.places, (reached) =>
      removeMember({ cluster, node, record, seen, dryRun, confirm }, reached),
    );
    if (!dryRun) await auditRemoval(cluster, outcome);
    return viewOf(outcome);
  } finally {
    await lock?.release();
  }
}

function confirmed({ topology }: Cluster, { node, memberId, guards }: RemovalFacts): Promise<boolean> {
  process.stderr.write(`${guardTable(guards)}\n`);
  const question = `Remove ${node} (member ${memberId ?? 'gone already'}) from ${topology.name}?`;
  return ask(question, `coordinator member remove ${node} --yes`);
}

function viewOf(outcome: RemovalOutcome): View {
  const { kind, facts } = outcome;
  const { node, memberId, voter, guards } = facts;
  const published = 'published' in outcome ? outcome.published : undefined;
  const heads: Record<RemovalOutcome['kind'], string> = {
    planned: `${named(facts)} would be removed, through ${voter ?? 'nobody: it is not in the list'}`,
    declined: `${named(facts)} stays`,
    refused: `${named(facts)} may not be removed now`,
    removed: memberId === null ? `${node} is not in the member list` : `${named(facts)} is removed`,
    stillThere: `${named(facts)} is still there`,
  };
  return {
    document: { kind: 'MemberRemove', outcome: kind, ...facts, ...told(published) },
    table: [heads[kind], ...(guards.length === 0 ? [] : [guardTable(guards)])].join('\n'),
    exit: kind === 'refused' || kind === 'stillThere' ? 'refused' : kind === 'declined' ? 'failed' : 'ok',
    notes: notesOf(outcome),
  };
}

function notesOf(outcome: RemovalOutcome): string[] {
  const { node } = outcome.facts;
  switch (outcome.kind) {
    case 'planned':
    case 'declined':
      return ['nothing was changed'];
    case 'refused':
      return ['nothing was changed', `next: coordinator status; coordinator explain ${node}`];
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

function auditRemoval(
  { state }: Cluster,
  { kind, facts: { node, ...detail } }: RemovalOutcome,
): Promise<void> {
  return audit(state, {
    action: 'member remove',
    node,
    outcome: kind === 'removed' ? 'ok' : 'refused',
    detail: { ...detail, outcome: kind },
  });
}

function noList({ places }: Cluster): Failure {
  return new Failure({
    exit: 'noQuorum',
    what: 'no member answers with its list, so nothing may be removed',
    where: places.map(({ name, clientURL }) => `${name} ${clientURL}`),
    next: 'coordinator status',
  });
}
