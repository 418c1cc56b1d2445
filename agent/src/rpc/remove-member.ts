/**
 * `member.remove`: takes the member of a host that does not come back out of the list, for an operator, under the guard that
 * a repair has for it and under the cluster's lock. Its data is nobody's business here.
 */
import { EtcdError, type MemberId } from '@etcd-agent/etcd';
import { Fault, type GuardView } from '@etcd-agent/protocol';
import type { Healer } from '../heal/healer.js';
import { throughAny, underLock, votersBut } from '../heal/membership-calls.js';
import { failing, guardLosing } from '../heal/plan/guards.js';
import type { AgentHost } from '../host.js';

/**
 * etcd refuses a change within five seconds of a voter's coming back ("unhealthy cluster"), so that one removal right after
 * another repair would be refused: it is sent again for that time and a little more.
 */
const unsettledMsMax = 8_000;
const againMs = 500;

export interface Removal {
  readonly id: MemberId;
  readonly dryRun: boolean;
  readonly by: string;
}

export interface RemovalEnd {
  readonly guards: GuardView[];
  readonly removed: boolean;
}

/** Fails with a `Fault` where nothing can be judged, the member is not in the list, or another changes the membership. */
export async function removeMember(removal: Removal, host: AgentHost, healer: Healer): Promise<RemovalEnd> {
  const { id, dryRun, by } = removal;
  const first = await judge(id, healer);
  if (dryRun || failing(first.guards).length > 0) return { guards: first.guards, removed: false };
  const until = host.clock.monotonicMs() + unsettledMsMax;
  let end = await removeOnce(removal, healer);
  while (end.unsettled && host.clock.monotonicMs() < until) {
    await host.clock.sleep(againMs);
    end = await removeOnce(removal, healer);
  }
  const { guards, removed } = end;
  const text = `member ${id} ${removed ? 'removed' : 'not removed'} for ${by}`;
  await healer.events.record('operator', 'removeMember', text);
  host.log.warn({ id, by, removed, guards }, 'member.remove');
  return { guards, removed };
}

async function judge(id: MemberId, healer: Healer) {
  const seen = await healer.lookNow();
  if (seen === undefined)
    throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
  const { cluster } = seen.picture;
  if (cluster.kind === 'unknown')
    throw new Fault('refused', `the members cannot be read: ${cluster.why}`, 'coordinator status');
  if (!cluster.members.some((member) => member.id === id))
    throw new Fault('refused', `member ${id} is not in the list`, 'coordinator member list');
  const voters = votersBut(seen.look.endpoints, cluster.members, id);
  return { node: seen.spec.node, voters, guards: [guardLosing(cluster, id)] };
}

/** Judges, takes the lock, judges again and sends the call. `unsettled`: only etcd's own wait stands in the way. */
async function removeOnce(
  { id, by }: Removal,
  healer: Healer,
): Promise<RemovalEnd & { readonly unsettled: boolean }> {
  const { node, voters } = await judge(id, healer);
  let end = { guards: [] as GuardView[], removed: false, unsettled: false };
  const locked = await underLock(voters, `${node} for ${by}`, async () => {
    const again = await judge(id, healer);
    end = { ...end, guards: again.guards };
    if (failing(again.guards).length > 0) return;
    try {
      await throughAny(again.voters, (admin) => admin.memberRemove(id));
      end = { ...end, removed: true };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      const removed = await isGone(id, healer);
      const refusal = { guard: 'etcd', ok: removed, reason: error.message };
      end = {
        guards: [...again.guards, refusal],
        removed,
        unsettled: !removed && error.kind === 'unhealthyCluster',
      };
    }
  });
  if (locked.kind === 'busy')
    throw new Fault('busy', `${locked.owner} is changing the membership: try again`);
  return end;
}

/** A call that failed may have been done all the same: the list tells. */
async function isGone(id: MemberId, healer: Healer): Promise<boolean> {
  const after = (await healer.lookNow())?.picture.cluster;
  return after?.kind === 'known' && !after.members.some((member) => member.id === id);
}
