/** Processes ended at a chosen moment of a repair: when its journal reaches a stage, or after a time drawn from a seed. */
import { kill, sleep, type TestNode, waitFor } from '../../support/index.js';
import { journalOf } from './agent-record.js';

export type Victim = 'agent' | 'etcd' | 'agent and etcd';

/** SIGKILL for what runs of it now. */
async function strike(node: TestNode, victim: Victim): Promise<void> {
  if (victim !== 'agent') for (const pid of node.etcdPids()) kill(pid, 'SIGKILL');
  if (victim === 'etcd') return;
  await node.endAgent();
  // Once more: the agent may have started one as it died.
  if (victim === 'agent and etcd') for (const pid of node.etcdPids()) kill(pid, 'SIGKILL');
}

export interface Strikes {
  /** Stages at which it struck, in order. */
  readonly at: readonly string[];
}

/**
 * Strikes once at every stage that the journal of this node's repair reaches, each time it is written there, and starts
 * the agent again; ends with the repair, or after `timeoutMs`.
 */
export async function strikeAtEveryStage(
  node: TestNode,
  victim: Victim,
  timeoutMs: number,
): Promise<Strikes> {
  const at: string[] = [];
  const deadline = performance.now() + timeoutMs;
  await waitFor('a repair to begin', () => journalOf(node) !== undefined, timeoutMs, 1);
  for (;;) {
    const journal = journalOf(node);
    if (journal === undefined) return { at };
    if (performance.now() > deadline)
      throw new Error(`the repair is at ${journal.stage} after ${timeoutMs} ms; struck at ${at.join(', ')}`);
    if (at.includes(journal.stage)) {
      await sleep(1);
      continue;
    }
    at.push(journal.stage);
    await strike(node, victim);
    if (!node.agentRuns) await node.startAgent();
  }
}

/** Strikes `times` times, each after a random part of `withinMs`, while the repair goes on; fewer where it ends before. */
export async function strikeAtRandom(
  node: TestNode,
  chance: () => number,
  { times, withinMs }: { readonly times: number; readonly withinMs: number },
): Promise<Strikes> {
  const victims: readonly Victim[] = ['agent', 'etcd', 'agent and etcd'];
  const at: string[] = [];
  await waitFor('a repair to begin', () => journalOf(node) !== undefined, 30_000, 1);
  for (let time = 0; time < times; time += 1) {
    await sleep(chance() * withinMs);
    const stage = journalOf(node)?.stage;
    if (stage === undefined) break;
    const victim = victims[Math.floor(chance() * victims.length)]!;
    at.push(`${victim} at ${stage}`);
    await strike(node, victim);
    if (!node.agentRuns) await node.startAgent();
  }
  return { at };
}
