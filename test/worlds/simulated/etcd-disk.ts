/**
 * What one simulated etcd keeps in its data dir: raft's log and hard state, and what has been applied of it. Plain data:
 * taking it away, putting an older copy back or damaging it is how the world hurts an etcd. How entries are applied is
 * in etcd-apply.ts; the bytes that production code reads of it are made in etcd-wal.ts.
 */
import type { ClusterId, Member, MemberId } from '@etcd-agent/etcd';

export { encodeWal } from './etcd-wal.js';

/** One change, as it is written to the log. */
export type Command =
  /** What the log of a restored cluster begins with: whoever joins it later has the keys of the snapshot by it, as by a raft snapshot. */
  | { readonly kind: 'restored'; readonly snapshot: EtcdSnapshot }
  /** What a new leader begins with. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly key: string }
  | {
      readonly kind: 'lock';
      readonly key: string;
      readonly owner: string;
      readonly lease: string;
      readonly ttlMs: number;
    }
  | { readonly kind: 'revoke'; readonly lease: string }
  | { readonly kind: 'alarm'; readonly on: boolean; readonly memberId: MemberId; readonly type: AlarmType }
  /** A started member makes its name and client URLs known. */
  | {
      readonly kind: 'publish';
      readonly memberId: MemberId;
      readonly name: string;
      readonly clientURLs: readonly string[];
    }
  | { readonly kind: 'add'; readonly member: MemberRow }
  | { readonly kind: 'remove'; readonly memberId: MemberId }
  | { readonly kind: 'promote'; readonly memberId: MemberId };

export type AlarmType = 'NOSPACE' | 'CORRUPT';

export interface LogEntry {
  readonly term: number;
  readonly index: number;
  readonly command: Command;
  /** Whoever waits for its outcome: unique to one proposal. */
  readonly request?: string;
}

/** A member as the list has it. */
export type MemberRow = Omit<Member, 'started'>;

/** What has been applied of the log. */
export interface AppliedState {
  index: number;
  /** The store's revision. */
  revision: number;
  members: readonly MemberRow[];
  /** Ids that have been removed; none of them is ever taken back. */
  removed: readonly MemberId[];
  alarms: readonly { readonly memberId: MemberId; readonly type: AlarmType }[];
  store: Map<string, { readonly value: string; readonly lease?: string }>;
  leases: Map<string, { readonly key: string; readonly ttlMs: number }>;
  /** The hash of the store as of each revision. */
  hashes: number[];
}

/** What a snapshot has of it. Never changed. */
export type EtcdSnapshot = Readonly<
  Pick<AppliedState, 'revision' | 'alarms' | 'store' | 'leases' | 'hashes'>
>;

export interface EtcdDisk {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  /** The entry with index n stands at n - 1. */
  log: LogEntry[];
  hardState: { term: number; vote: MemberId | undefined; commit: number };
  applied: AppliedState;
  /** Set: a start ends at once, like this. */
  damage?: Damage;
}

export interface Damage {
  readonly exitCode: number;
  readonly lastWords: string;
}

/** Damages that etcd finds when it starts, with its own words. */
export const damages = {
  walChecksum: {
    exitCode: 1,
    lastWords: '{"level":"fatal","msg":"discovery failed","error":"walpb: crc mismatch"}',
  },
  snapshot: {
    exitCode: 2,
    lastWords:
      '{"level":"panic","msg":"failed to recover v3 backend from snapshot","error":"failed to find database snapshot file"}',
  },
  backend: {
    exitCode: 2,
    lastWords: '{"level":"panic","msg":"failed to open database","error":"invalid database"}',
  },
  freePages: {
    exitCode: 2,
    lastWords: 'panic: freepages: failed to get all reachable pages (page 3: multiple references)',
  },
} as const satisfies Record<string, Damage>;

/** The newest entry, or index and term 0 for an empty log. */
export function lastOf(disk: EtcdDisk): { readonly index: number; readonly term: number } {
  return disk.log[disk.log.length - 1] ?? { index: 0, term: 0 };
}

/** A copy as it is now, that later changes do not touch: for a disk that is rolled back. */
export function cloneDisk(disk: EtcdDisk): EtcdDisk {
  const { applied } = disk;
  return {
    ...disk,
    log: [...disk.log],
    hardState: { ...disk.hardState },
    applied: {
      ...applied,
      store: new Map(applied.store),
      leases: new Map(applied.leases),
      hashes: [...applied.hashes],
    },
  };
}

/** Changes a value behind etcd's back. It shows only when hashes are compared. */
export function corruptSilently(disk: EtcdDisk, key: string, value: string): void {
  const { applied } = disk;
  applied.store.set(key, { ...applied.store.get(key), value });
  applied.hashes = applied.hashes.map((hash) => (hash ^ 0x5bd1_e995) >>> 0);
}
