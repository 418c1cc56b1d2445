/** Links to all nodes at once; everything that failed, in one error. */
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { type ReachOptions, reachNode } from '../link/reach-node.js';
import type { NodePlace } from '../topology/places.js';

export interface Reached {
  readonly links: readonly NodeLink[];
  readonly failures: readonly { readonly place: NodePlace; readonly failure: Failure }[];
}

/** Never rejects for a node; the failures say why. */
export async function reachAll(places: readonly NodePlace[], options: ReachOptions): Promise<Reached> {
  const outcomes = await Promise.all(
    places.map(async (place) => {
      try {
        return { link: await reachNode(place, options), failed: undefined };
      } catch (error) {
        return { link: undefined, failed: { place, failure: nodeFailure(place, error) } };
      }
    }),
  );
  return {
    links: outcomes.flatMap(({ link }) => (link === undefined ? [] : [link])),
    failures: outcomes.flatMap(({ failed }) => (failed === undefined ? [] : [failed])),
  };
}

/** Acts on all of them at once and waits for all. Throws Failure where one has failed, with every such node's own words. */
export async function onEvery<T>(
  links: readonly NodeLink[],
  act: (link: NodeLink) => Promise<T>,
): Promise<readonly T[]> {
  const outcomes = await Promise.allSettled(links.map((link) => act(link)));
  const failures = outcomes.flatMap((outcome, at) => {
    const { place } = links[at]!;
    return outcome.status === 'rejected' ? [{ place, failure: nodeFailure(place, outcome.reason) }] : [];
  });
  if (failures.length > 0) throw failureOf(failures);
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** One Failure for several nodes: the gravest exit code, every node's own words. */
export function failureOf(failures: Reached['failures'], next?: string): Failure {
  const [first, ...rest] = failures;
  if (first !== undefined && rest.length === 0) return first.failure;
  const grave = failures.find(({ failure }) => failure.parts.exit === 'identity') ?? first;
  const nexts = [...new Set(failures.flatMap(({ failure }) => failure.parts.next ?? []))];
  return new Failure({
    exit: grave?.failure.parts.exit ?? 'failed',
    what: `${failures.length} nodes cannot be used`,
    where: failures.map(({ failure }) =>
      [failure.parts.what, failure.parts.cause].filter(Boolean).join(': '),
    ),
    ...(next !== undefined ? { next } : nexts.length > 0 ? { next: nexts.join('\n') } : {}),
  });
}
