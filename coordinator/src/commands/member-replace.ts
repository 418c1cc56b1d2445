/**
 * `coordinator member replace NODE`: asks the node's own agent to take its member out and in again, and watches it. A node
 * that was removed on purpose is wanted again by this.
 */
import { systemClock } from '@etcd-agent/platform';
import { withAgents } from '../cluster/ask-agents.js';
import { finishedRecord } from '../cluster/finished.js';
import { type Cluster, credentialsOf, openCluster, placeOf } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { reachNode } from '../link/reach-node.js';
import { type AskedReplace, askOrBegun, wantAgain } from '../members/ask-replace.js';
import { followRepair, type RepairEnd } from '../members/follow-repair.js';
import { operatorName } from '../operator.js';
import { flappingAdvice, guardTable, isFlapping } from '../output/healing.js';
import type { View } from '../output/view.js';
import type { NodePlace } from '../topology/places.js';
import { ask as askPerson, type CommandContext } from './context.js';
import type { MemberChangeFlags } from './member-remove.js';

export interface ReplaceFlags extends MemberChangeFlags {
  /** How long the repair may be watched; it goes on without a watcher. */
  readonly timeoutMs: number;
}

export async function memberReplace(
  { stateDir, progress }: CommandContext,
  node: string,
  flags: ReplaceFlags,
): Promise<View> {
  const cluster = await openCluster(stateDir);
  const place = placeOf(cluster, node, 'member replace');
  const isWanted = !(await finishedRecord(cluster)).unwanted.includes(node);
  const plan = await onAgent(cluster, place, (link) => askReplace(link, true));
  // An agent that was told it is not wanted refuses for that alone: it has to hear otherwise first.
  const isRefused = isWanted && plan.guards.some(({ ok }) => !ok);
  if (flags.dryRun || isRefused) return plannedView(node, plan, isRefused, isWanted);
  if (!flags.yes) {
    process.stderr.write(`${planText(plan)}\n`);
    if (!(await askPerson(`Replace the member of ${node}?`, `coordinator member replace ${node} --yes`)))
      return { ...plannedView(node, plan, false, isWanted), exit: 'failed' };
  }
  if (!isWanted) await tellAgain(cluster, node);
  const status = () => onAgent(cluster, place, (link) => link.call('heal.status', {}));
  const before = await status();
  const ask = () => onAgent(cluster, place, (link) => askReplace(link, false));
  const asked = await askOrBegun(cluster, node, { ask, status, before });
  if (asked !== 'begun' && !asked.accepted) {
    const view = plannedView(node, asked, true, true);
    const wanted = `${node} is wanted again: its agent brings it back by itself as soon as the guards hold`;
    return isWanted ? view : { ...view, notes: [wanted, ...(view.notes ?? [])] };
  }
  const end = await progress.phase(`Replace the member of ${node}`, (report) =>
    followRepair({
      ask: status,
      before,
      timeoutMs: flags.timeoutMs,
      note: report.note,
      clock: systemClock,
    }),
  );
  return endView(node, end);
}

async function tellAgain(cluster: Cluster, node: string): Promise<void> {
  const lock = await cluster.state.lock('coordinator member replace');
  try {
    await withAgents(cluster, cluster.places, (reached) => wantAgain(cluster, node, reached));
  } finally {
    await lock.release();
  }
}

/** A link of its own for every question: the agent may be restarted in between. */
async function onAgent<T>(
  cluster: Cluster,
  place: NodePlace,
  act: (link: NodeLink) => Promise<T>,
): Promise<T> {
  const { state, topology } = cluster;
  const options = {
    state,
    cluster: topology.name,
    credentials: await credentialsOf(cluster),
    mayEnrol: false,
  };
  try {
    const link = await reachNode(place, options);
    try {
      return await act(link);
    } finally {
      link.close();
    }
  } catch (error) {
    throw nodeFailure(place, error);
  }
}

function askReplace(link: NodeLink, dryRun: boolean) {
  return link.call('member.replace', { dryRun, by: operatorName() });
}

function plannedView(node: string, plan: AskedReplace, isRefused: boolean, isWanted: boolean): View {
  return {
    document: { kind: 'MemberReplace', outcome: isRefused ? 'refused' : 'planned', node, ...plan },
    table: planText(plan),
    exit: isRefused ? 'refused' : 'ok',
    notes: [
      ...(isWanted ? [] : [`${node} was removed on purpose: it would be wanted again first`]),
      ...(isRefused ? [`next: coordinator explain ${node}`] : ['nothing was changed']),
      ...(plan.guards.some(({ ok, reason }) => !ok && isFlapping(reason)) ? flappingAdvice(node) : []),
    ],
  };
}

function planText({ guards, steps }: AskedReplace): string {
  const numbered = steps.map((step, index) => `${String(index + 1).padStart(2)}. ${step}`);
  return [guardTable(guards), ...(numbered.length === 0 ? [] : ['', ...numbered])].join('\n');
}

function endView(node: string, end: RepairEnd): View {
  if (end.kind === 'healthy') {
    const { oldMemberId, newMemberId } = end;
    return {
      document: { kind: 'MemberReplace', outcome: 'healthy', node, oldMemberId, newMemberId },
      table: `${node} is healthy: member ${oldMemberId} -> ${newMemberId}`,
      notes: ['next: coordinator status'],
    };
  }
  throw new Failure({
    exit: 'failed',
    what:
      end.kind === 'failed'
        ? `the repair of ${node} did not come to its end`
        : `the repair of ${node} is not over yet; it goes on without being watched`,
    cause: end.why,
    next: `coordinator explain ${node}; coordinator events --node ${node}`,
  });
}
