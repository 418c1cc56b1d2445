/** From a state directory to a cluster whose room can be looked at. */
import { readAdminCredentials } from '../authority.js';
import { finishedRecord, wantedPlaces } from '../cluster/finished.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import type { RoomMember, RoomSight } from './plan/sight.js';
import { seeRoom } from './see-room.js';

export interface Room {
  readonly cluster: Cluster;
  readonly record: BootstrapRecord;
  /** Of the wanted members. */
  readonly places: readonly NodePlace[];
  readonly credentials: AdminCredentials;
  readonly look: () => Promise<RoomSight>;
}

/** Throws Failure where there is no cluster yet. */
export async function openRoom(stateDir: string): Promise<Room> {
  const cluster = await openCluster(stateDir);
  const record = await finishedRecord(cluster);
  const places = wantedPlaces(cluster.places, record);
  const credentials = await readAdminCredentials(cluster.state);
  return { cluster, record, places, credentials, look: () => seeRoom(places, credentials) };
}

/** A follower where one is healthy. Throws Failure where nobody is. */
export function healthyMember({ members }: RoomSight): RoomMember {
  const healthy = members.filter((member) => member.healthy);
  const found = healthy.find(({ leads }) => leads !== true) ?? healthy[0];
  if (found !== undefined) return found;
  throw new Failure({
    exit: members.some(({ answers }) => answers) ? 'noQuorum' : 'unreachable',
    what: 'no member answers a linearizable read',
    where: members.map(({ node, why }) => `${node}: ${why}`),
    next: 'coordinator status',
  });
}
