/**
 * What `member replace` changes: a node that was removed on purpose is wanted again, and its agent is asked for the repair.
 * Each leaves a line in the audit, however it ends.
 */
import type { AgentMethods, HealStatus, ResultOf } from '@etcd-agent/protocol';
import { audit, auditFailure } from '../audit.js';
import type { Reached } from '../bootstrap/connect.js';
import { finishedRecord } from '../cluster/finished.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { publish } from '../generation/publish.js';

export type AskedReplace = ResultOf<AgentMethods, 'member.replace'>;

/** Tells all agents that the node is wanted again. Throws Failure where its own does not hear of it. */
export async function wantAgain(cluster: Cluster, node: string, reached: Reached): Promise<void> {
  const { state } = cluster;
  const action = { action: 'member replace', node, detail: { step: 'wanted again' } };
  try {
    const record = await finishedRecord(cluster);
    const unwanted = record.unwanted.filter((name) => name !== node);
    const { record: next, told } = await publish(cluster, { ...record, unwanted }, reached);
    if (!told.includes(node)) throw notTold(node);
    const detail = { ...action.detail, generation: next.generation, told };
    await audit(state, { ...action, outcome: 'ok', detail });
  } catch (error) {
    // The record may say it already, and some agents may have heard.
    await auditFailure(state, action, error);
    throw error;
  }
}

export interface AskReplace {
  readonly ask: () => Promise<AskedReplace>;
  /** The node's healing as it is now. */
  readonly status: () => Promise<HealStatus>;
  /** The same, before it was asked. */
  readonly before: HealStatus;
}

/**
 * `begun`: a repair is under way already. Wanted again, a node begins by itself, even between the look and the question: that
 * repair is the one asked for.
 */
export async function askOrBegun(
  { state }: Pick<Cluster, 'state'>,
  node: string,
  { ask, status, before }: AskReplace,
): Promise<AskedReplace | 'begun'> {
  const action = { action: 'member replace', node };
  const begun = async ({ repair }: HealStatus) => {
    const { id, rule, stage } = repair!;
    await audit(state, { ...action, outcome: 'ok', detail: { begun: 'by itself', id, rule, stage } });
    return 'begun' as const;
  };
  if (before.repair !== null) return begun(before);
  try {
    const asked = await ask();
    await audit(state, { ...action, outcome: asked.accepted ? 'ok' : 'refused', detail: { ...asked } });
    return asked;
  } catch (error) {
    const now = await status().catch(() => undefined);
    if (now !== undefined && now.repair !== null) return begun(now);
    await auditFailure(state, action, error);
    throw error;
  }
}

function notTold(node: string): Failure {
  return new Failure({
    exit: 'unreachable',
    what: `${node} was not told that it is wanted again`,
    next: 'run the same command again: it goes on from what is true',
  });
}
