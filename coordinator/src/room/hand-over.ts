/** Has the leader hand its leadership to another member, and waits until that is seen. */
import { connectEtcd, EtcdError, memberId } from '@etcd-agent/etcd';
import type { Clock } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { RoomMember, RoomSight } from './plan/sight.js';

const callMsMax = 10_000;
const seenMsMax = 10_000;
const againMs = 200;

export interface HandOver {
  readonly from: RoomMember;
  readonly to: RoomMember;
  readonly credentials: AdminCredentials;
  readonly look: () => Promise<RoomSight>;
  readonly clock: Clock;
}

/** Resolves with what was seen then. Throws Failure where nobody else comes to lead. */
export async function handOver({ from, to, credentials, look, clock }: HandOver): Promise<RoomSight> {
  const admin = await connectEtcd({ endpoint: from.endpoint, ...credentials, deadlineMs: callMsMax });
  let why = '';
  try {
    await admin.moveLeader(memberId(to.memberId ?? ''));
  } catch (error) {
    // It may have been done all the same, or the leadership may have gone elsewhere meanwhile: what is seen counts.
    if (!(error instanceof EtcdError)) throw error;
    why = error.message;
  } finally {
    admin.close();
  }
  const until = clock.monotonicMs() + seenMsMax;
  for (;;) {
    const seen = await look();
    const leader = seen.members.find(({ leads }) => leads === true);
    const isWell = seen.members.every(({ healthy }) => healthy);
    if (leader !== undefined && leader.node !== from.node && isWell) return seen;
    if (clock.monotonicMs() >= until) throw notHandedOver(from, to, why);
    await clock.sleep(againMs);
  }
}

function notHandedOver(from: RoomMember, to: RoomMember, why: string): Failure {
  return new Failure({
    exit: 'failed',
    what: `${from.node} has not handed its leadership over to ${to.node}`,
    ...(why === '' ? {} : { where: [why] }),
    next: 'coordinator status, then run the same command again: it goes on from what is true',
  });
}
