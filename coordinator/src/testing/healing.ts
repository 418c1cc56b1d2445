/** What agents say of their healing, as values to start a test from. */
import { type HealStatus, healingPolicySchema, type PeerView } from '@etcd-agent/protocol';
import { ourBootstrap } from './situations.js';

/** A node that is well and sees nobody. */
export function peerView(node: string, change: Partial<PeerView> = {}): PeerView {
  return {
    node,
    generation: 3,
    bootstrapId: ourBootstrap,
    clusterId: 'cd'.repeat(8),
    unwanted: [],
    memberId: 'ab'.repeat(8),
    etcd: 'healthy',
    etcdForMs: 60_000,
    intent: 'none',
    paused: false,
    sights: [],
    remembered: [],
    ...change,
  };
}

/** A node that heals and has nothing to do. */
export function healStatusOf(node: string, change: Partial<HealStatus> = {}): HealStatus {
  return {
    node,
    policy: healingPolicySchema.parse({}),
    pause: null,
    repair: null,
    history: [],
    seen: [],
    next: null,
    waiting: [],
    counters: {},
    view: peerView(node),
    ...change,
  };
}
