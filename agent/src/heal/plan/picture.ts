/**
 * Everything that healing is decided from, as plain values: this node, its etcd, the cluster as etcd tells it, the other
 * agents' views, and what is remembered. What could not be seen says so; durations are by the monotonic clock.
 */
import type { Alarm, ClusterId, Member, MemberId } from '@etcd-agent/etcd';
import type { HealingPolicy, Pause, PeerView, Position } from '@etcd-agent/protocol';
import type { Journal } from '../journal.js';

export interface Picture {
  /** Wall time in milliseconds: for pauses, certificates and the dates of former repairs only. */
  readonly wallMs: number;
  /** How long this agent has been looking. */
  readonly watchedMs: number;
  readonly policy: HealingPolicy;
  readonly pause: Pause | undefined;
  readonly me: Me;
  readonly service: ServiceFacts;
  readonly data: DataFacts;
  readonly disk: DiskCheck;
  readonly files: FilesFacts;
  readonly own: OwnEtcd;
  readonly cluster: ClusterFacts;
  readonly peers: readonly PeerFacts[];
  readonly hashes: HashFacts;
  readonly ends: EndFacts;
  readonly journal: Journal | undefined;
  readonly history: readonly PastRepair[];
  /** The generation of another cluster that this node was fenced for. */
  readonly fencedBy: number | undefined;
  /** An operator asked for a repair of this node. */
  readonly order: { readonly by: string } | undefined;
  /** How long nothing has moved in the repair under way: no stage, no applied index, no byte of data. */
  readonly stalledMs: number;
  /** How long each condition of conditions.ts has held without a break, milliseconds; absent: it does not hold. */
  readonly held: Readonly<Record<string, number>>;
}

/** What this node is to be. */
export interface Me {
  readonly node: string;
  readonly generation: number;
  readonly clusterId: ClusterId;
  /** Clusters that this one was before an operator restored it. */
  readonly former: readonly ClusterId[];
  /** An operation over the whole cluster is under way: nothing is done here but what it asks for. */
  readonly heldBy: { readonly operation: string; readonly command: string } | undefined;
  /** What the agent remembers as its member; what counts is the WAL. */
  readonly memberId: MemberId;
  readonly peerURLs: readonly string[];
  readonly bootstrapId: string;
  /** Servers from 3.4 can take a member in that does not vote yet. */
  readonly learners: boolean;
  /** Whether a server accepts an added member only when every voter is connected. */
  readonly addNeeds: 'everyVoter' | 'quorum';
  /** Who says that this node is not wanted in the cluster; undefined: nobody. */
  readonly unwantedBy: string | undefined;
  /** Nodes that an operator has taken out for good. */
  readonly unwanted: readonly string[];
  /** The member whose place a reinstalled host takes. */
  readonly replaces: MemberId | undefined;
  readonly addressHere: boolean;
  readonly certificate: { readonly usable: boolean; readonly why: string };
  /** On the file systems of the data dir and of the agent's own state. */
  readonly freeBytes: number;
  readonly stateBytes: number;
  /** Percent of the last ten seconds in which something waited for a disk; undefined where the kernel does not say. */
  readonly ioPressure: number | undefined;
}

export interface ServiceFacts {
  readonly kind:
    | 'missing'
    | 'masked'
    | 'active'
    | 'activating'
    | 'deactivating'
    | 'restarting'
    | 'inactive'
    | 'failed'
    | 'conditionFailed'
    | 'unknown';
  readonly enabled: 'yes' | 'no' | 'unknown';
  readonly detail: string;
  /** Since its start, where it runs. */
  readonly upMs: number;
  /** How long it has been of this kind. */
  readonly forMs: number;
  /** Starts by this agent that did not last, in a row. */
  readonly failedStarts: number;
  /** Restarts of one that did not answer, in a row, since it last did. */
  readonly vainRestarts: number;
}

/** The data dir as it is on disk. */
export interface DataFacts {
  readonly kind: 'missing' | 'directory' | 'unknown';
  readonly why: string;
  /** There is something in it that is not a quarantine. */
  readonly content: boolean;
  readonly dir: { readonly dev: number; readonly ino: number } | undefined;
  readonly wal:
    | { readonly kind: 'none' }
    | { readonly kind: 'present'; readonly clusterId: ClusterId; readonly memberId: MemberId }
    | { readonly kind: 'unreadable'; readonly why: string };
  /** It has had a WAL of this bootstrap, so its member exists: this agent remembers it, or the others know of it. */
  readonly begun: boolean;
  /** This agent itself remembers it. */
  readonly begunHere: boolean;
  /** It was empty when etcd was started on it for another cluster, which an operator has given up since. */
  readonly begunForOther: boolean;
  /** A file that etcd has while it defragments or takes in a snapshot; '' where there is none. */
  readonly busy: string;
  readonly fileSystem: 'same' | 'other' | 'neverSeen';
}

/** Where the WAL ends, compared with what others remember of this member. Read while etcd does not run. */
export type DiskCheck =
  | { readonly kind: 'notChecked' }
  | {
      readonly kind: 'checked';
      readonly position: Position | undefined;
      readonly why: string;
      /** The highest place that anybody remembers of this member, and who. */
      readonly remembered: (Position & { readonly by: string }) | undefined;
      readonly behind: boolean;
      readonly forMs: number;
    };

/** `/etc/etcd` against the copies that the agent keeps. */
export type FilesFacts =
  | { readonly kind: 'intact' }
  | { readonly kind: 'damaged'; readonly which: readonly string[] }
  /** What is needed to restore them is not here. */
  | { readonly kind: 'lost'; readonly why: string };

export type OwnEtcd =
  | { readonly kind: 'notAsked' }
  | { readonly kind: 'silent'; readonly why: string }
  | {
      readonly kind: 'answers';
      readonly memberId: MemberId;
      readonly clusterId: ClusterId;
      readonly leader: MemberId | 'none';
      readonly isLearner: boolean;
      readonly healthy: boolean;
      readonly appliedIndex: string;
      readonly dbSizeBytes: number;
    };

/** A row of the list, with the node that it belongs to by its peer URLs; '' where the spec knows no such node. */
export type ClusterMember = Member & { readonly node: string };

/** The cluster, by linearizable lists of this very look. */
export type ClusterFacts =
  | { readonly kind: 'unknown'; readonly why: string; readonly answering: number }
  | {
      readonly kind: 'known';
      readonly members: readonly ClusterMember[];
      /** Ids of members through which a linearizable read succeeded, this node's own included. */
      readonly healthy: readonly MemberId[];
      /** How many endpoints, this node's own left out, gave such a list. */
      readonly lists: number;
      /** Ids that any of those lists has. */
      readonly inSomeList: readonly MemberId[];
      readonly leader: MemberId | 'none';
      readonly leaderDbBytes: number;
      /** The highest index that a member has told. */
      readonly leaderIndex: string;
      readonly alarms: readonly Alarm[];
      /** Local lists, which may be stale, by the node that gave them: etcd takes its id from such a one when it joins. */
      readonly local: readonly { readonly node: string; readonly ids: readonly MemberId[] }[];
    };

export type PeerFacts = { readonly node: string } & (
  | { readonly kind: 'silent'; readonly forMs: number; readonly why: string }
  | { readonly kind: 'up'; readonly view: PeerView }
);

/** Comparison of all voters' keys; made while a CORRUPT alarm is armed. */
export type HashFacts =
  | { readonly kind: 'notAsked' }
  | { readonly kind: 'unclear'; readonly why: string }
  | { readonly kind: 'equal'; readonly voters: number }
  /** A quorum agrees, and these differ from it. */
  | { readonly kind: 'differ'; readonly others: readonly MemberId[]; readonly agreeing: number };

/** How the last runs of etcd ended, by its own log. */
export interface EndFacts {
  /** Runs at the end that ended in a message by which data is known to be unusable. */
  readonly corruptInARow: number;
  readonly code: string;
  readonly text: string;
}

export interface PastRepair {
  readonly rule: string;
  readonly startedMs: number;
  readonly endedMs: number;
}
