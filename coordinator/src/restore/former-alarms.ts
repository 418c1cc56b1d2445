/**
 * A snapshot brings the alarms along that were armed when it was saved, of members that the restored cluster does not have. They would
 * refuse its writes for ever: nobody is there to whom they apply. Where etcd still has a reason, it raises its own.
 */
import { type Alarm, connectEtcd, EtcdError } from '@etcd-agent/etcd';
import { systemClock } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';

const tryMsMax = 2_000;
/** Members that have just been started elect a leader within this time, or whoever verifies them says why not. */
const waitMsMax = 30_000;
const againMs = 250;

/** Disarms them through whichever endpoint answers, and returns which they were. */
export async function dropFormerAlarms(
  endpoints: readonly string[],
  credentials: AdminCredentials,
  memberIds: readonly string[],
): Promise<readonly Alarm[]> {
  const deadline = performance.now() + waitMsMax;
  for (let turn = 0; performance.now() < deadline; turn += 1) {
    const endpoint = endpoints[turn % endpoints.length]!;
    const admin = await connectEtcd({ endpoint, ...credentials, deadlineMs: tryMsMax });
    try {
      const former = (await admin.alarms()).filter(({ memberId }) => !memberIds.includes(memberId));
      for (const alarm of former) await admin.disarm(alarm);
      return former;
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await systemClock.sleep(againMs);
    } finally {
      admin.close();
    }
  }
  return [];
}
