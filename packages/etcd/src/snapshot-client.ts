/** The port to one etcd member for taking a snapshot of it. Over the etcd3 library it is in etcd3-snapshots.ts. */

/** Pieces of a snapshot, in order. */
export interface SnapshotChunk {
  readonly pieces: readonly Uint8Array[];
  /** Of the database, after these; etcd does not count the seal of 32 bytes that comes last. */
  readonly remainingBytes: number;
}

/**
 * Opens a call of a gRPC server that answers with a stream of messages, handed on as many at once as have arrived. Throws an
 * Error whose text begins as gRPC's own do. Host I/O: whoever connects brings it along.
 */
export type OpenStream = (
  call: {
    readonly endpoint: string;
    readonly ca: string;
    readonly cert: string;
    readonly key: string;
    readonly path: string;
    readonly request: Uint8Array;
  },
  signal: AbortSignal,
) => AsyncIterable<readonly Uint8Array[]>;

/** Speaks to one endpoint only, as {@link EtcdAdmin} does, and fails only with EtcdError. */
export interface SnapshotClient {
  readonly endpoint: string;
  /**
   * The whole database of this member as it is now, sealed by etcd. Answered locally: works without quorum. Nothing is
   * fetched before it is asked for, and only a few pieces ahead; whoever stops asking ends the call. `deadline` where
   * nothing comes for `stallMs`; `unreachable` once `signal` is aborted.
   */
  snapshot(stallMs: number, signal?: AbortSignal): AsyncIterable<SnapshotChunk>;
  /** How many keys there were at `revision`, by a local read. `compacted` where that is too long ago. */
  countKeys(revision: string): Promise<number>;
  close(): void;
}
