/**
 * The member spec as it holds now. The coordinator's names the member of the bootstrap; after a repair this node's member
 * has another id, which is the agent's own to remember, and while one joins it is the journal's.
 */
import type { MemberSpec } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { Journal } from './journal.js';

/** The spec with the id that this node's data must carry; undefined before there is a spec. */
export async function effectiveSpec({
  store,
  heal,
}: Pick<AgentHost, 'store' | 'heal'>): Promise<MemberSpec | undefined> {
  const [spec, memory, journal] = await Promise.all([store.spec(), heal.read(), heal.journal()]);
  return spec === undefined ? undefined : withMember(spec, memory.member, journal);
}

function withMember(
  spec: MemberSpec,
  member: { readonly bootstrapId: string; readonly memberId: string } | undefined,
  journal: Journal | undefined,
): MemberSpec {
  const { bootstrapId } = spec.cluster;
  const joining = journal?.bootstrapId === bootstrapId ? journal.newId : undefined;
  const known = member?.bootstrapId === bootstrapId ? member.memberId : undefined;
  const memberId = joining ?? known ?? spec.memberId;
  if (memberId === spec.memberId) return spec;
  let changed = withIds.get(spec);
  if (changed?.memberId !== memberId) {
    changed = { ...spec, memberId };
    withIds.set(spec, changed);
  }
  return changed;
}

/** Of each spec, the same with the id that was asked for last: asked every second, it is one object as long as it is the same. */
const withIds = new WeakMap<MemberSpec, MemberSpec>();
