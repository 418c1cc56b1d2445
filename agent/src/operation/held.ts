/** Whether an operation over the whole cluster is under way on this node, and which: the member spec says so. */
import { type ClusterOperation, Fault, type MemberSpec } from '@etcd-agent/protocol';
import { effectiveSpec } from '../heal/effective-spec.js';
import type { AgentHost } from '../host.js';

type Where = Pick<AgentHost, 'store' | 'heal'>;

/** A spec that names an operation of this kind. */
export type HeldSpec<K extends ClusterOperation['kind']> = MemberSpec & {
  readonly hold: Extract<ClusterOperation, { kind: K }>;
};

/** The spec that names this very operation. Throws a Fault where it names another one, or none: nothing is done for it. */
export async function specOf<K extends ClusterOperation['kind']>(
  host: Where,
  operation: string,
  ...kinds: readonly K[]
): Promise<HeldSpec<K>> {
  const spec = await effectiveSpec(host);
  if (spec?.hold?.id === operation && (kinds as readonly string[]).includes(spec.hold.kind))
    return spec as HeldSpec<K>;
  const known = spec?.hold === undefined ? 'no operation' : `operation ${spec.hold.id} (${spec.hold.kind})`;
  throw new Fault(
    'refused',
    `the member spec of this node names ${known}, not ${operation}`,
    'coordinator status names the operation that is under way, and the command that goes on with it',
  );
}

/** For everything else that changes this node's member. Throws a Fault while one is under way. */
export async function refuseUnderOperation(host: Where): Promise<void> {
  const hold = (await effectiveSpec(host))?.hold;
  if (hold === undefined) return;
  throw new Fault('refused', `operation ${hold.id} is under way on this node`, hold.command);
}
