/**
 * Calls that change the membership, each sent to one healthy voter after the other until one takes it. A call whose outcome
 * is unknown is not repeated: the next look reads what has become of it.
 */
import { type EtcdAdmin, EtcdError, type Member, type MemberId, ownKeyPrefix } from '@etcd-agent/etcd';
import type { EndpointSight } from './look.js';

/** Under the prefix that `data` commands leave alone. */
const lockKey = `${ownKeyPrefix}lock/membership`;
/** One call with its second look takes well under this; a holder that died keeps the others waiting no longer. */
const lockTtlSeconds = 10;

/** Healthy voters but this one, the leader first: it knows best who is connected. */
export function votersBut(
  endpoints: readonly EndpointSight[],
  members: readonly Member[],
  but: MemberId | undefined,
): readonly EtcdAdmin[] {
  const usable = endpoints.filter(
    (each): each is EndpointSight & { admin: EtcdAdmin; status: NonNullable<EndpointSight['status']> } =>
      each.admin !== undefined &&
      each.list !== undefined &&
      each.status !== undefined &&
      each.status.memberId !== but &&
      members.some(({ id, role }) => id === each.status!.memberId && role === 'voter'),
  );
  const leads = ({ status }: (typeof usable)[number]) => Number(status.leader === status.memberId);
  return [...usable].sort((a, b) => leads(b) - leads(a)).map(({ admin }) => admin);
}

/** The first answer; after a refusal that the serving member alone makes, the next one is asked. */
export async function throughAny<T>(
  voters: readonly EtcdAdmin[],
  call: (admin: EtcdAdmin) => Promise<T>,
): Promise<T> {
  let last: unknown = new Error('no healthy voter can be asked');
  for (const admin of voters) {
    try {
      return await call(admin);
    } catch (error) {
      last = error;
      const mayAskNext =
        error instanceof EtcdError && (error.kind === 'unhealthyCluster' || error.kind === 'learner');
      if (!mayAskNext) throw error;
    }
  }
  throw last;
}

export type Locked = { readonly kind: 'done' } | { readonly kind: 'busy'; readonly owner: string };

/**
 * Runs something under the cluster's lock, so that agents do not collide. Where etcd takes no writes (an alarm), it runs
 * without, and is told so: what changes the membership is safe by what is read again inside, what stops a voter is not.
 */
export async function underLock(
  voters: readonly EtcdAdmin[],
  owner: string,
  act: (locked: boolean) => Promise<void>,
): Promise<Locked> {
  const [first] = voters;
  if (first === undefined) return { kind: 'busy', owner: 'nobody can be asked' };
  let release = async () => {};
  let locked = true;
  try {
    const taken = await first.lock(lockKey, owner, lockTtlSeconds);
    // What an earlier call of this same node left is no reason to wait.
    if (taken.kind === 'busy' && taken.owner !== owner) return taken;
    if (taken.kind === 'held') release = () => taken.release();
  } catch (error) {
    if (!(error instanceof EtcdError) || (error.kind !== 'alarmed' && error.kind !== 'permissionDenied'))
      throw error;
    locked = false;
  }
  try {
    await act(locked);
    return { kind: 'done' };
  } finally {
    // It ends by itself where this fails.
    await release().catch(() => {});
  }
}

/** A write of its own through this member, read back and deleted. Where an alarm refuses writes, a linearizable read. */
export async function proveWrite(admin: EtcdAdmin, node: string): Promise<void> {
  const key = `${ownKeyPrefix}repair/${node}`;
  try {
    await admin.put(key, node);
    const read = await admin.get(key);
    if (read.kind !== 'found' || read.value !== node)
      throw new Error(`wrote a key through ${node} and did not read it back`);
    await admin.delete(key);
  } catch (error) {
    if (!(error instanceof EtcdError) || (error.kind !== 'alarmed' && error.kind !== 'permissionDenied'))
      throw error;
    await admin.linearizableRead();
  }
}
