/** Which agent is asked to change the membership for another node: that of a voter that is well. Pure. */
import { entryOf } from '../cluster/entry-of.js';
import type { ClusterView } from '../cluster/probe-members.js';
import type { NodePlace } from '../topology/places.js';

/** The first in the order given, the node itself left out; undefined where there is none. */
export function pickVoter<T extends { readonly place: NodePlace }>(
  links: readonly T[],
  { endpoints, members }: ClusterView,
  except: string,
): T | undefined {
  return links.find(({ place }) => {
    const health = endpoints.find(({ name }) => name === place.name)?.health.kind;
    const entry = entryOf(place, members ?? []);
    return place.name !== except && health === 'healthy' && entry?.role === 'voter' && entry.started;
  });
}
