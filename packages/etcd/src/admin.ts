/**
 * The port to one etcd member as its client: what may be asked of it, what comes back, and how it fails. Plain values,
 * with ids in hex; the adapter over the etcd3 library is in etcd3-admin.ts, and the simulated world brings its own.
 *
 * One EtcdAdmin speaks to one endpoint and never to another. A call that changes the membership is sent once; after a
 * `deadline` nobody knows whether it happened, and only reading the list again tells.
 */
import type { ClusterId, MemberId } from './ids.js';

/** A client of one etcd endpoint. Every call has a deadline, is sent once, and fails only with {@link EtcdError}. */
export interface EtcdAdmin {
  /** The endpoint's URL, e.g. "https://10.0.0.1:2379". */
  readonly endpoint: string;
  /**
   * What the member says of itself. Answered locally: works without quorum. With etcd's access control on, late 3.5
   * (seen with 3.5.30) refuses it to all but the root role: `permissionDenied`, though the member is well.
   */
  status(): Promise<MemberStatus>;
  /**
   * The member list. With `linearizable` it is at least as new as the moment of the call, and needs quorum; without,
   * it is what this member has applied so far, and may be stale.
   */
  memberList(options: { readonly linearizable: boolean }): Promise<Member[]>;
  put(key: string, value: string): Promise<void>;
  /** The key's value by a linearizable read. */
  get(key: string): Promise<{ readonly kind: 'found'; readonly value: string } | { readonly kind: 'absent' }>;
  /** Deletes one key; says how many were there (0 or 1). */
  delete(key: string): Promise<{ readonly deleted: number }>;
  /**
   * Health as `etcdctl endpoint health` sees it: a linearizable read of the key "health" succeeds, or is answered with
   * permission denied, which also takes quorum. Resolves with how long it took.
   */
  linearizableRead(): Promise<{ readonly tookMs: number }>;
  /** Alarms raised anywhere in the cluster, as this member knows them. */
  alarms(): Promise<Alarm[]>;
  /** Takes back exactly this alarm. */
  disarm(alarm: Alarm): Promise<void>;
  /**
   * Adds a member that has not started. A learner does not vote; a voter counts for the quorum at once. A learner is not
   * even asked for from a server older than 3.4, which would make a voter of it: `other`. Resolves with its new id and
   * the list as the serving member has applied it.
   */
  memberAdd(
    peerURLs: readonly string[],
    role: Member['role'],
  ): Promise<{ readonly id: MemberId; readonly members: readonly Member[] }>;
  /** Removes a member for good. An id that is not in the list is an error of kind `notFound`. */
  memberRemove(id: MemberId): Promise<void>;
  /** Makes a learner a voter; must be sent to a voter. `notReady` while it lags behind the leader, `conflict` for a voter. */
  memberPromote(id: MemberId): Promise<void>;
  /**
   * Hands the leadership to `to`, a voter. `notLeader` from any member but the leader. A `to` that is not in the list is
   * `notFound`, and from servers older than 3.4 `deadline`.
   */
  moveLeader(to: MemberId): Promise<void>;
  /**
   * The hash of all keys up to `revision` ("0": the newest that this member has), with the revisions it was computed for.
   * `futureRevision` from a member that has not come that far. Servers from 3.3.
   */
  hashKV(revision: string): Promise<KeyHash>;
  /**
   * Takes a lock that ends by itself after `ttlSeconds`, so that two agents do not change the membership at the same
   * moment. etcd grants no less than one and a half times its election timeout. It only avoids collisions: whoever holds
   * it must still read again. Needs to write: `alarmed` while an alarm is active.
   */
  lock(key: string, owner: string, ttlSeconds: number): Promise<LockOutcome>;
  /** Closes the connection; calls under way fail. May be called twice. */
  close(): void;
}

/** One member's own view. raft numbers are uint64 and stay decimal strings. */
export interface MemberStatus {
  /** The server's version, e.g. "3.4.23". */
  readonly version: string;
  readonly memberId: MemberId;
  readonly clusterId: ClusterId;
  /** Who this member takes for the leader, itself included. */
  readonly leader: MemberId | 'none';
  /** Bytes allocated on disk by the backend. */
  readonly dbSizeBytes: number;
  readonly raftIndex: string;
  readonly raftTerm: string;
  /** What it has applied; "0" from servers older than 3.4, which do not say. */
  readonly raftAppliedIndex: string;
  /** The store's revision as this member has it. */
  readonly revision: string;
  /** What it complains of: "no leader", and every active alarm. Empty from servers older than 3.4, which do not say. */
  readonly errors: readonly string[];
  /** Always false from servers older than 3.4, which have no learners. */
  readonly isLearner: boolean;
}

/** A row of the member list. A member that has never started has no name and no client URLs. */
export interface Member {
  readonly id: MemberId;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly role: 'voter' | 'learner';
  readonly started: boolean;
}

/** An active alarm. `memberId` is all zeros when etcd does not say whose (seen with CORRUPT). */
export interface Alarm {
  readonly memberId: MemberId;
  readonly type: 'NOSPACE' | 'CORRUPT' | (string & {});
}

/**
 * What one member's keys hash to. Two members can be compared only where both revisions are equal, and only within one
 * minor version.
 */
export interface KeyHash {
  readonly hash: number;
  /** The newest revision that went into the hash: the one asked for, else the member's newest. */
  readonly revision: string;
  /** The revision below which old values were thrown away, in decimal; "-1" while nothing ever was. */
  readonly compactRevision: string;
}

export type LockOutcome =
  | { readonly kind: 'held'; release(): Promise<void> }
  /** Somebody has it: maybe the same owner, by a call whose answer was lost. */
  | { readonly kind: 'busy'; readonly owner: string };

/** Why a call failed, in terms an operator can act on. */
export type EtcdErrorKind =
  /** Nothing answers there: refused, no route, name unknown. Or the connection dropped, maybe after a write was sent. */
  | 'unreachable'
  /** No answer within the deadline, ours or etcd's own: whether a write happened is unknown. */
  | 'deadline'
  /** The member answers, but knows no leader. */
  | 'noLeader'
  /** etcd refuses a membership change while it does not see enough healthy members. */
  | 'unhealthyCluster'
  /** The learner to be promoted is not up to date with the leader yet. */
  | 'notReady'
  /** Only the leader can do this, and the member asked is not it. */
  | 'notLeader'
  /** The member asked is a learner, which serves only its status and local reads. */
  | 'learner'
  /** The member that the call names is not, or no longer, in the list; or no voter, where it is to lead. */
  | 'notFound'
  /** The list does not take this change as it stands: the peer URL, a learner, or that voter is there already. */
  | 'conflict'
  /** The member has not applied the revision asked for yet. */
  | 'futureRevision'
  /** The revision asked for was compacted away. */
  | 'compacted'
  /** The answer is longer than this client takes. */
  | 'tooLarge'
  /** An alarm is active, so that etcd takes no writes. */
  | 'alarmed'
  /** The two sides do not accept each other's certificates. */
  | 'tls'
  /** etcd's own authentication or roles do not allow the call. */
  | 'permissionDenied'
  | 'other';

/** The one error that {@link EtcdAdmin} calls fail with; `cause` is the library's error. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  readonly kind: EtcdErrorKind;
  readonly endpoint: string;
  /** Whether the same call may succeed later with nothing changed by a person. Re-read before repeating a write. */
  readonly retryable: boolean;

  constructor(kind: EtcdErrorKind, endpoint: string, message: string, cause?: unknown) {
    super(`${endpoint}: ${message}`, { cause });
    this.kind = kind;
    this.endpoint = endpoint;
    this.retryable = isRetryable(kind);
  }
}

function isRetryable(kind: EtcdErrorKind): boolean {
  switch (kind) {
    case 'unreachable':
    case 'deadline':
    case 'noLeader':
    case 'unhealthyCluster':
    case 'notReady':
    case 'learner':
    case 'futureRevision':
      return true;
    case 'notLeader':
    case 'notFound':
    case 'conflict':
    case 'compacted':
    case 'tooLarge':
    case 'alarmed':
    case 'tls':
    case 'permissionDenied':
    case 'other':
      return false;
  }
}
