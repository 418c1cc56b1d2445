/** How much room there is: every member's sizes and quota, who leads, what alarms are armed. Each asked on its own, at once. */
import { type Alarm, connectEtcd, connectRoom, EtcdError, type RoomClient } from '@etcd-agent/etcd';
import { entryOf } from '../cluster/entry-of.js';
import { type AdminCredentials, viewCluster } from '../cluster/probe-members.js';
import type { NodePlace } from '../topology/places.js';
import type { RoomMember, RoomSight } from './plan/sight.js';
import { runningQuota } from './read-metrics.js';

const callMsMax = 5_000;

export async function seeRoom(
  places: readonly NodePlace[],
  credentials: AdminCredentials,
): Promise<RoomSight> {
  const view = await viewCluster(places, credentials);
  const members = await Promise.all(
    view.endpoints.map(async ({ name, endpoint, health, status }): Promise<RoomMember> => {
      const place = places.find((each) => each.name === name)!;
      const entry = view.members === undefined ? undefined : entryOf(place, view.members);
      const common = {
        node: name,
        endpoint,
        answers: status !== undefined,
        healthy: health.kind === 'healthy',
        why: health.kind === 'unhealthy' ? health.why : '',
        memberId: status?.memberId ?? entry?.id,
      };
      if (status === undefined) return common;
      const [sizes, quotaBytes] = await Promise.all([
        withRoom(endpoint, credentials, (room) => room.sizes()).catch(orNothing),
        runningQuota(endpoint, credentials),
      ]);
      return {
        ...common,
        version: status.version,
        leads: status.leader === status.memberId,
        fileBytes: sizes?.fileBytes ?? status.dbSizeBytes,
        usedBytes: sizes?.usedBytes,
        quotaBytes,
        appliedIndex: status.raftAppliedIndex,
      };
    }),
  );
  const healthy = members.find((member) => member.healthy);
  const alarms = healthy === undefined ? [] : await readAlarms(healthy.endpoint, credentials);
  return { members, listed: view.members ?? [], alarms };
}

/** A client of one member for one act. */
export async function withRoom<T>(
  endpoint: string,
  credentials: AdminCredentials,
  act: (room: RoomClient) => Promise<T>,
): Promise<T> {
  const room = await connectRoom({ endpoint, ...credentials, deadlineMs: callMsMax });
  try {
    return await act(room);
  } finally {
    room.close();
  }
}

async function readAlarms(endpoint: string, credentials: AdminCredentials): Promise<readonly Alarm[]> {
  const admin = await connectEtcd({ endpoint, ...credentials, deadlineMs: callMsMax });
  try {
    return await admin.alarms();
  } finally {
    admin.close();
  }
}

function orNothing(error: unknown): undefined {
  if (!(error instanceof EtcdError)) throw error;
  return undefined;
}
