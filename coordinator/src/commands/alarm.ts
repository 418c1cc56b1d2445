/** `coordinator alarm list` and `alarm disarm`: what refuses writes, what to do, and the end of it. */
import { type Alarm, connectEtcd, EtcdError, ownKeyPrefix } from '@etcd-agent/etcd';
import { etcdFailure } from '../cluster/etcd-failure.js';
import { Failure } from '../failure.js';
import { recorded } from '../operation.js';
import { alarmLines, alarmLineTable, corruptWay, noSpaceWay, roomRows, roomTable } from '../output/room.js';
import type { View } from '../output/view.js';
import { compareHashes } from '../room/compare-hashes.js';
import { newestRevision } from '../room/newest-revision.js';
import { healthyMember, openRoom, type Room } from '../room/open-room.js';
import { stillCorrupt, stillNoSpace } from '../room/plan/disarm-rules.js';
import type { RoomSight } from '../room/plan/sight.js';
import type { CommandContext } from './context.js';

const callMsMax = 10_000;

export async function alarmList({ stateDir }: CommandContext): Promise<View> {
  const { look } = await openRoom(stateDir);
  const seen = await look();
  healthyMember(seen);
  const lines = alarmLines(seen.alarms, seen.members);
  const has = (type: string) => lines.some((line) => line.type === type);
  return {
    document: { kind: 'Alarms', alarms: lines, members: roomRows(seen.members) },
    table:
      lines.length === 0 ? 'no alarm is armed' : `${alarmLineTable(lines)}\n\n${roomTable(seen.members)}`,
    exit: lines.length === 0 ? 'ok' : 'degraded',
    notes: [...(has('NOSPACE') ? noSpaceWay : []), ...(has('CORRUPT') ? corruptWay : [])],
  };
}

/** Disarms the alarms that are seen now, of that type, once their cause is gone; then writes through every member. */
export async function alarmDisarm({ stateDir }: CommandContext, type: string | undefined): Promise<View> {
  const room = await openRoom(stateDir);
  const { cluster, look, credentials } = room;
  const seen = await look();
  const through = healthyMember(seen);
  const wanted = chosen(seen.alarms, type?.toUpperCase());
  if (wanted.length === 0) return nothingArmed(type);
  const kind = wanted[0]!.type;
  const lock = await cluster.state.lock('coordinator alarm disarm');
  try {
    await recorded(
      cluster.state,
      {
        action: 'alarm disarm',
        plan: [`see that the cause of ${kind} is gone`, 'disarm it', 'write through every member'],
        before: { alarms: alarmLines(seen.alarms, seen.members), members: roomRows(seen.members) },
        resume: `coordinator alarm disarm ${kind}`,
      },
      async (operation) => {
        await operation.step(`see that the cause of ${kind} is gone`, () => refuseWhileSo(kind, room, seen));
        const admin = await connectEtcd({
          endpoint: through.endpoint,
          ...credentials,
          deadlineMs: callMsMax,
        });
        try {
          for (const alarm of wanted)
            await operation.step(`disarm ${kind} of ${alarm.memberId}`, () => admin.disarm(alarm));
        } finally {
          admin.close();
        }
        await operation.step('write through every member', () => writeThroughAll(room, seen));
      },
    );
  } catch (error) {
    if (error instanceof EtcdError)
      throw etcdFailure(error, `${kind} was not disarmed to the end`, 'coordinator alarm list');
    throw error;
  } finally {
    await lock.release();
  }
  const left = (await look()).alarms;
  const lines = alarmLines(wanted, seen.members);
  return {
    document: {
      kind: 'AlarmDisarm',
      outcome: 'disarmed',
      alarms: lines,
      left: alarmLines(left, seen.members),
    },
    table: `${kind} is disarmed, and every member has taken a write`,
    exit: left.length === 0 ? 'ok' : 'degraded',
    notes:
      left.length === 0
        ? []
        : [`${left.map((alarm) => alarm.type).join(', ')} is armed still: coordinator alarm list`],
  };
}

/** Of one type at a time: what one is gone for says nothing of another. */
function chosen(alarms: readonly Alarm[], type: string | undefined): readonly Alarm[] {
  const types = [...new Set(alarms.map((alarm) => alarm.type))];
  if (type !== undefined) return alarms.filter((alarm) => alarm.type === type);
  if (types.length <= 1) return alarms;
  throw new Failure({
    exit: 'usage',
    what: `more than one type of alarm is armed: ${types.join(', ')}`,
    next: types.map((each) => `coordinator alarm disarm ${each}`).join('\n'),
  });
}

async function refuseWhileSo(kind: string, room: Room, seen: RoomSight): Promise<void> {
  const reasons = await reasonsOf(kind, room, seen);
  if (reasons.length === 0) return;
  throw new Failure({
    exit: 'refused',
    what: `${kind} is not disarmed: its cause is still there`,
    where: reasons,
    next:
      kind === 'NOSPACE'
        ? 'coordinator compact, then coordinator defrag; or coordinator quota set SIZE'
        : 'coordinator heal status; coordinator alarm list',
  });
}

async function reasonsOf(kind: string, { credentials }: Room, seen: RoomSight): Promise<string[]> {
  if (kind === 'NOSPACE') return stillNoSpace(seen.members);
  if (kind !== 'CORRUPT')
    return [`what ends ${kind} is not known here: eval "$(coordinator env)"; etcdctl alarm disarm`];
  const revision = String(await newestRevision(healthyMember(seen).endpoint, credentials));
  return stillCorrupt(await compareHashes(seen.members, revision, credentials));
}

/** A key of this product's own through each member, read back there and deleted. */
async function writeThroughAll({ credentials }: Room, { members }: RoomSight): Promise<void> {
  for (const { node, endpoint } of members) {
    const admin = await connectEtcd({ endpoint, ...credentials, deadlineMs: callMsMax });
    const key = `${ownKeyPrefix}disarm/${node}`;
    try {
      await admin.put(key, node);
      const read = await admin.get(key);
      if (read.kind !== 'found' || read.value !== node) throw notReadBack(node);
      await admin.delete(key);
    } finally {
      admin.close();
    }
  }
}

function notReadBack(node: string): Failure {
  return new Failure({
    exit: 'failed',
    what: `what was written through ${node} was not read back`,
    next: 'coordinator status',
  });
}

function nothingArmed(type: string | undefined): View {
  return {
    document: { kind: 'AlarmDisarm', outcome: 'nothing', alarms: [], left: [] },
    table: type === undefined ? 'no alarm is armed' : `no alarm ${type.toUpperCase()} is armed`,
  };
}
