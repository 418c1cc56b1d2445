/** One question to many agents at once: who answered what, and who did not and why. */
import { type Reached, reachAll } from '../bootstrap/connect.js';
import type { ExitName, Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { NodePlace } from '../topology/places.js';
import { type Cluster, credentialsOf } from './open-cluster.js';

export interface Answered<T> {
  readonly place: NodePlace;
  readonly value: T;
}
export interface Silent {
  readonly place: NodePlace;
  readonly failure: Failure;
}
export interface Answers<T> {
  /** In the order of the links. */
  readonly answered: readonly Answered<T>[];
  /** Nodes that were not reached, and nodes that failed to answer. */
  readonly silent: readonly Silent[];
}

/** Links to these nodes, closed when `act` has ended. Enrols nobody and burns no token. */
export async function withAgents<T>(
  cluster: Cluster,
  places: readonly NodePlace[],
  act: (reached: Reached) => Promise<T>,
): Promise<T> {
  const { state, topology } = cluster;
  const credentials = await credentialsOf(cluster);
  const reached = await reachAll(places, { state, cluster: topology.name, credentials, mayEnrol: false });
  try {
    return await act(reached);
  } finally {
    for (const link of reached.links) link.close();
  }
}

/** Never rejects for a node. */
export async function askAgents<T>(
  { links, failures }: Reached,
  ask: (link: NodeLink) => Promise<T>,
): Promise<Answers<T>> {
  const outcomes = await Promise.all(
    links.map(async (link) => {
      try {
        return { place: link.place, value: await ask(link) };
      } catch (error) {
        return { place: link.place, failure: nodeFailure(link.place, error) };
      }
    }),
  );
  return {
    answered: outcomes.flatMap((each) => ('value' in each ? [each as Answered<T>] : [])),
    silent: [...failures, ...outcomes.flatMap((each) => ('failure' in each ? [each as Silent] : []))],
  };
}

/** How a command ends that needed an answer from everybody. */
export function exitOfAnswers({
  answered,
  silent,
}: {
  readonly answered: readonly unknown[];
  readonly silent: readonly Silent[];
}): ExitName {
  if (silent.length === 0) return 'ok';
  if (answered.length > 0) return 'degraded';
  const all = (exit: ExitName) => silent.every(({ failure }) => failure.parts.exit === exit);
  return all('identity') ? 'identity' : all('refused') ? 'refused' : 'unreachable';
}

/** The silent ones for stderr, a line each, then what to do about them. */
export function silentNotes(silent: readonly Silent[], consequence = ''): string[] {
  const lines = silent.map(
    ({ place, failure }) =>
      `${place.name}${consequence === '' ? '' : ` ${consequence}`}: ${failure.parts.what}`,
  );
  const nexts = [...new Set(silent.flatMap(({ failure }) => failure.parts.next ?? []))];
  return [...lines, ...nexts.map((next) => `next: ${next}`)];
}
