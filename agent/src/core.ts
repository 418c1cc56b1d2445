/** The agent without its door and without Linux, for whoever brings a world of their own. */
export { type Caretaker, startCaretaker } from './caretaker.js';
export { configSchema, pathsOf } from './config.js';
export { startEtcd } from './etcd-start.js';
export { healExecutors } from './heal/execute-heal.js';
export { type HealParts, healParts } from './heal/healer.js';
export { HealStore } from './heal/memory.js';
export * as guards from './heal/plan/guards.js';
export { healRules, planHeal } from './heal/plan/plan-heal.js';
export { peerView } from './heal/views.js';
export type { AgentHost, Chance, Machine, PeerLinks, SpecAgent } from './host.js';
export { applySpec, type CallContext, handlers } from './rpc/handlers.js';
export type { DataDirOrder } from './snapshots/snapshots.js';
export { Store, type StoredIdentity } from './store.js';
