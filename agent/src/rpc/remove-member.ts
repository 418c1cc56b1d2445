/**
 * `member.remove`: takes the member of a host that does not come back out of the list, for an operator, under the guard that
 * a repair has for it and under the cluster's lock. Its data is nobody's business here.
 */
import { type EtcdAdmin, EtcdError, type MemberId } from '@etcd-agent/etcd';
import { Fault, type GuardView } from '@etcd-agent/protocol';
import type { Healer } from '../heal/healer.js';
import { throughAny, underLock, votersBut } from '../heal/membership-calls.js';
import { failing, guardLosing } from '../heal/plan/guards.js';
import type { AgentHost } from '../host.js';
import { recordRefusal } from './refusals.js';

/**
 * etcd refuses a change within five seconds of a voter's coming back ("unhealthy cluster"), so that a removal right after
 * a repair would be refused: it is sent again for that time and a little more.
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

/** Fails with a `Fault` where nothing can be judged, or the member is not in the list. */
export async function removeMember(removal: Removal, host: AgentHost, healer: Healer): Promise<RemovalEnd> {
  const { id, dryRun, by } = removal;
  const first = await judge(id, healer);
  if (first.kind === 'unknown')
    throw new Fault('refused', `the members cannot be read: ${first.why}`, 'coordinator status');
  if (first.kind === 'gone')
    throw new Fault('refused', `member ${id} is not in the list`, 'coordinator member list');
  const refused = (guards: readonly GuardView[]) =>
    recordRefusal(healer.events, {
      rule: 'removeMember',
      what: `member ${id} ${dryRun ? 'would not be' : 'not'} removed`,
      by,
      guards,
    });
  // Of a dry run too: the command looks by one first, and a guard that says no then is all that this agent hears.
  if (failing(first.guards).length > 0) await refused(first.guards);
  if (dryRun || failing(first.guards).length > 0) return { guards: first.guards, removed: false };
  const until = host.clock.monotonicMs() + unsettledMsMax;
  let end = await removeOnce(removal, first, healer);
  while (end.unsettled && host.clock.monotonicMs() < until) {
    await host.clock.sleep(againMs);
    const again = await judge(id, healer);
    if (again.kind === 'gone') end = { guards: end.guards, removed: true, unsettled: false };
    if (again.kind === 'listed') end = await removeOnce(removal, again, healer);
  }
  const { guards, removed } = end;
  if (removed) await healer.events.record('operator', 'removeMember', `member ${id} removed for ${by}`);
  else await refused(guards);
  host.log.warn({ id, by, removed, guards }, 'member.remove');
  return { guards, removed };
}

type Judgement =
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'listed';
      readonly node: string;
      readonly voters: readonly EtcdAdmin[];
      readonly guards: GuardView[];
    };

async function judge(id: MemberId, healer: Healer): Promise<Judgement> {
  const seen = await healer.lookNow();
  if (seen === undefined)
    throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
  const { cluster } = seen.picture;
  if (cluster.kind === 'unknown') return cluster;
  if (!cluster.members.some((member) => member.id === id)) return { kind: 'gone' };
  const voters = votersBut(seen.look.endpoints, cluster.members, id);
  return { kind: 'listed', node: seen.spec.node, voters, guards: [guardLosing(cluster, id)] };
}

/** `unsettled`: what stands in the way passes by itself within seconds. */
type Try = RemovalEnd & { readonly unsettled: boolean };

/** Takes the lock, judges again and sends the call. */
async function removeOnce(
  { id, by }: Removal,
  { node, voters, guards }: Extract<Judgement, { kind: 'listed' }>,
  healer: Healer,
): Promise<Try> {
  const refused = (guard: string, reason: string): Try => ({
    guards: [...guards, { guard, ok: false, reason }],
    removed: false,
    unsettled: true,
  });
  let end: Try = { guards, removed: false, unsettled: false };
  const locked = await underLock(voters, `${node} for ${by}`, async () => {
    const again = await judge(id, healer);
    if (again.kind === 'listed') end = await send(id, again, healer);
    else if (again.kind === 'gone') end = { ...end, removed: true };
    else end = refused('members', `the members cannot be read: ${again.why}`);
  });
  return locked.kind === 'busy' ? refused('lock', `${locked.owner} is changing the membership`) : end;
}

async function send(
  id: MemberId,
  { voters, guards }: Extract<Judgement, { kind: 'listed' }>,
  healer: Healer,
): Promise<Try> {
  if (failing(guards).length > 0) return { guards, removed: false, unsettled: false };
  try {
    await throughAny(voters, (admin) => admin.memberRemove(id));
    return { guards, removed: true, unsettled: false };
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    // It may have been done all the same: the list tells.
    const removed = (await judge(id, healer)).kind === 'gone';
    return {
      guards: [...guards, { guard: 'etcd', ok: removed, reason: error.message }],
      removed,
      unsettled: !removed && error.kind === 'unhealthyCluster',
    };
  }
}
