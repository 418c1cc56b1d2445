/**
 * The part of an observation that the rules read, narrowed to what they may depend on.
 */
export interface Local {
  /** There is a member spec. */
  readonly hasSpec: boolean;
  /** An operation over the whole cluster is under way, which does all that is done here. */
  readonly isHeld: boolean;
  readonly dataDir: {
    readonly kind: 'missing' | 'empty' | 'ours' | 'foreign' | 'unknown';
    /** A WAL of the spec's cluster is in it. */
    readonly hasWal: boolean;
  };
  /** What is remembered of the data dir. `claimedForOther`: empty, for the first start of a member of another cluster. */
  readonly stage: 'none' | 'claimed' | 'claimedForOther' | 'begun' | 'retired';
  /** `ETCD_INITIAL_CLUSTER_STATE` as it stands in etcd.conf; undefined where the file is missing or unreadable. */
  readonly confState: string | undefined;
  readonly permit: boolean;
  /**
   * etcd runs or is being started, or has died within a minute of its start and is started again: what a permit is for is
   * still under way.
   */
  readonly etcdMoves: boolean;
}
