/**
 * What one committed entry does to what a simulated etcd has applied, and what whoever proposed it is told. Every member
 * comes to the same outcome from the same log; the checks that look at the network are in etcd-rules.ts.
 */
import type { EtcdErrorKind, MemberId } from '@etcd-agent/etcd';
import type { AppliedState, Command, MemberRow } from './etcd-disk.js';

export interface Refusal {
  readonly kind: EtcdErrorKind;
  readonly message: string;
}

export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'deleted'; readonly count: number }
  | { readonly kind: 'busy'; readonly owner: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A server takes no second learner. */
const learnersMax = 1;

export function newState(): AppliedState {
  return {
    index: 0,
    revision: 1,
    members: [],
    removed: [],
    alarms: [],
    store: new Map(),
    leases: new Map(),
    hashes: [0, 0],
  };
}

/** Changes `state` by one command; a refused one changes nothing. */
export function apply(state: AppliedState, command: Command): Outcome {
  switch (command.kind) {
    case 'restored': {
      const { revision, alarms, store, leases, hashes } = command.snapshot;
      const copies = { store: new Map(store), leases: new Map(leases), hashes: [...hashes] };
      Object.assign(state, { revision, alarms, ...copies });
      return done;
    }
    case 'nothing':
      return done;
    case 'put':
      if (state.alarms.length > 0) return refuseForAlarm(state);
      store(state, command.key, command.value, undefined);
      return done;
    case 'delete':
      if (isCorrupt(state)) return refuseForAlarm(state);
      return { kind: 'deleted', count: remove(state, command.key) ? 1 : 0 };
    case 'lock':
      return lock(state, command);
    case 'revoke': {
      if (isCorrupt(state)) return refuseForAlarm(state);
      const lease = state.leases.get(command.lease);
      state.leases.delete(command.lease);
      if (lease !== undefined && state.store.get(lease.key)?.lease === command.lease)
        remove(state, lease.key);
      return done;
    }
    case 'alarm': {
      const { memberId, type } = command;
      const others = state.alarms.filter((each) => each.memberId !== memberId || each.type !== type);
      state.alarms = command.on ? [...others, { memberId, type }] : others;
      return done;
    }
    case 'publish':
      state.members = state.members.map((row) =>
        row.id === command.memberId ? { ...row, name: command.name, clientURLs: command.clientURLs } : row,
      );
      return done;
    case 'add':
      return add(state, command.member);
    case 'remove':
      if (rowOf(state, command.memberId) === undefined) return notFound;
      state.members = state.members.filter(({ id }) => id !== command.memberId);
      state.removed = [...state.removed, command.memberId];
      return done;
    case 'promote': {
      const row = rowOf(state, command.memberId);
      if (row === undefined) return notFound;
      if (row.role === 'voter') return refused('conflict', 'can only promote a learner member');
      state.members = state.members.map((each) => (each === row ? { ...row, role: 'voter' } : each));
      return done;
    }
  }
}

/** Whether the command changes who the members are. Only one of these is under way at a time. */
export function changesMembers(command: Command): boolean {
  return command.kind === 'add' || command.kind === 'remove' || command.kind === 'promote';
}

export function refused(kind: EtcdErrorKind, message: string): Outcome & { readonly kind: 'refused' } {
  return { kind: 'refused', refusal: { kind, message: `etcdserver: ${message}` } };
}

const done: Outcome = { kind: 'done' };
const notFound = refused('notFound', 'member not found');

function add(state: AppliedState, member: MemberRow): Outcome {
  if (state.removed.includes(member.id)) return notFound;
  if (rowOf(state, member.id) !== undefined) return refused('conflict', 'member ID already exist');
  const taken = state.members.some(({ peerURLs }) => peerURLs.some((url) => member.peerURLs.includes(url)));
  if (taken) return refused('conflict', 'Peer URLs already exists');
  const learners = state.members.filter(({ role }) => role === 'learner').length;
  if (member.role === 'learner' && learners >= learnersMax)
    return refused('conflict', 'too many learner members in cluster');
  state.members = [...state.members, member].sort((a, b) => (a.id < b.id ? -1 : 1));
  return done;
}

function lock(state: AppliedState, command: Command & { readonly kind: 'lock' }): Outcome {
  if (state.alarms.length > 0) return refuseForAlarm(state);
  const holder = state.store.get(command.key);
  if (holder !== undefined) return { kind: 'busy', owner: holder.value };
  state.leases.set(command.lease, { key: command.key, ttlMs: command.ttlMs });
  store(state, command.key, command.owner, command.lease);
  return done;
}

function store(state: AppliedState, key: string, value: string, lease: string | undefined): void {
  state.store.set(key, lease === undefined ? { value } : { value, lease });
  revise(state, `${key}=${value}`);
}

function remove(state: AppliedState, key: string): boolean {
  if (!state.store.delete(key)) return false;
  revise(state, `${key}-`);
  return true;
}

function revise(state: AppliedState, change: string): void {
  let hash = state.hashes[state.revision]!;
  for (let at = 0; at < change.length; at++) hash = Math.imul(hash ^ change.charCodeAt(at), 0x0100_0193);
  state.revision += 1;
  state.hashes[state.revision] = hash >>> 0;
}

function isCorrupt(state: AppliedState): boolean {
  return state.alarms.some(({ type }) => type === 'CORRUPT');
}

function refuseForAlarm(state: AppliedState): Outcome {
  return refused('alarmed', isCorrupt(state) ? 'corrupt cluster' : 'mvcc: database space exceeded');
}

function rowOf(state: AppliedState, id: MemberId): MemberRow | undefined {
  return state.members.find((row) => row.id === id);
}
