/** `coordinator heal status|pause|resume`: what agents do by themselves, and holding them still for a while. */
import { audit } from '../audit.js';
import {
  type Answers,
  askAgents,
  exitOfAnswers,
  type Silent,
  silentNotes,
  withAgents,
} from '../cluster/ask-agents.js';
import { openCluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import { operatorName } from '../operator.js';
import { healingTable } from '../output/healing.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

/** What an agent takes. */
const reasonCharsMax = 500;

export async function healStatus({ stateDir }: CommandContext): Promise<View> {
  const cluster = await openCluster(stateDir);
  const answers = await withAgents(cluster, cluster.places, (reached) =>
    askAgents(reached, (link) => link.call('heal.status', {})),
  );
  const order = cluster.places.map(({ name }) => name);
  return {
    document: {
      kind: 'HealStatus',
      nodes: answers.answered.map(({ value }) => value),
      silent: silentDocument(answers.silent),
    },
    table: healingTable(order, answers, new Date()),
    exit: exitOfAnswers(answers),
    notes: silentNotes(answers.silent),
  };
}

export async function healPause(
  context: CommandContext,
  { forMs, reason }: { readonly forMs: number; readonly reason: string },
): Promise<View> {
  if (reason.trim() === '' || reason.length > reasonCharsMax) {
    throw new Failure({
      exit: 'usage',
      what: `the reason is ${reason.trim() === '' ? 'empty' : `longer than ${reasonCharsMax} characters`}`,
      next: 'coordinator heal pause --for 1h --reason "what for"',
    });
  }
  const by = operatorName();
  // From the moment that the agents are asked: reaching one that is down takes seconds.
  const end = once(() => new Date(Date.now() + forMs).toISOString());
  const answers = await askAll(context, { action: 'heal pause', forMs, reason }, (link) =>
    link.call('heal.pause', { until: end(), reason, by }),
  );
  const until = end();
  return {
    document: { kind: 'HealPause', until, reason, by, ...outcome(answers) },
    table: `paused until ${until}: ${named(answers)}`,
    exit: exitOfAnswers(answers),
    notes: [
      ...silentNotes(answers.silent, 'did not hear of it and still heals'),
      'a repair that has removed its old entry goes on to its end; coordinator heal status shows it',
    ],
  };
}

export async function healResume(context: CommandContext): Promise<View> {
  const by = operatorName();
  const answers = await askAll(context, { action: 'heal resume' }, (link) =>
    link.call('heal.resume', { by }),
  );
  const wasPaused = answers.answered.filter(({ value }) => value.wasPaused).map(({ place }) => place.name);
  return {
    document: { kind: 'HealResume', by, wasPaused, ...outcome(answers) },
    table: `healing: ${named(answers)}${wasPaused.length === 0 ? ' (nobody was paused)' : ''}`,
    exit: exitOfAnswers(answers),
    notes: silentNotes(answers.silent, 'did not hear of it; its pause ends at its own time'),
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** One call to every agent, with a line in the audit of who heard it. */
async function askAll<T>(
  { stateDir }: CommandContext,
  { action, ...detail }: { readonly action: string; readonly [fact: string]: string | number },
  ask: (link: NodeLink) => Promise<T>,
): Promise<Answers<T>> {
  const cluster = await openCluster(stateDir);
  const answers = await withAgents(cluster, cluster.places, (reached) => askAgents(reached, ask));
  await audit(cluster.state, {
    action,
    outcome: answers.answered.length > 0 ? 'ok' : 'failed',
    detail: { ...detail, ...outcome(answers) },
  });
  return answers;
}

function outcome({ answered, silent }: Answers<unknown>) {
  return { told: answered.map(({ place }) => place.name), silent: silentDocument(silent) };
}

function silentDocument(silent: readonly Silent[]) {
  return silent.map(({ place, failure }) => ({ node: place.name, why: failure.parts.what }));
}

function named({ answered }: Answers<unknown>): string {
  return answered.map(({ place }) => place.name).join(', ') || 'nobody';
}
