/** Which etcd of a playground is meant by `etcd1`, `leader` or `follower`, and whether it may be broken. */

import { entryOf } from '../cluster/entry-of.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { leaderOf } from '../output/members.js';
import type { NodePlace } from '../topology/places.js';
import { ownEtcd, type Victim } from './break-node.js';
import type { Layout } from './layout.js';

/** Throws Failure for a name that is none, and for a node that is not well enough to be broken. */
export async function victimOf(
  name: string,
  at: Layout,
  { places }: Cluster,
  seen: ClusterView,
): Promise<Victim> {
  const place = placeNamed(name, places, seen);
  const memberId = entryOf(place, seen.members ?? [])?.id;
  if (memberId === undefined) {
    throw new Failure({
      exit: 'failed',
      what: `${place.name} is no member of the cluster just now`,
      next: `coordinator playground status --dir ${at.dir}`,
    });
  }
  const other = places.find((each) => each.name !== place.name && isHealthy(each, seen));
  return { place, memberId, etcd: await ownEtcd(at, place), other };
}

function placeNamed(name: string, places: readonly NodePlace[], seen: ClusterView): NodePlace {
  const leader = leaderOf(seen);
  const leads = (place: NodePlace) => entryOf(place, seen.members ?? [])?.id === leader;
  if (name !== 'leader' && name !== 'follower') {
    const found = places.find((place) => place.name === name);
    if (found !== undefined) return found;
    throw new Failure({
      exit: 'usage',
      what: `there is no node ${name} in this playground`,
      cause: `its nodes are ${places.map((place) => place.name).join(', ')}; leader and follower name one by what it does`,
    });
  }
  const found =
    leader === undefined
      ? undefined
      : places.find((place) => isHealthy(place, seen) && leads(place) === (name === 'leader'));
  if (found !== undefined) return found;
  throw new Failure({ exit: 'failed', what: `no healthy member is ${name} just now`, next: 'name a node' });
}

function isHealthy({ name }: NodePlace, { endpoints }: ClusterView): boolean {
  return endpoints.some((each) => each.name === name && each.health.kind === 'healthy');
}
