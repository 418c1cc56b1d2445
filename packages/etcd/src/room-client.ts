/**
 * The port to one etcd member for what makes room in its database: its sizes, compaction of the history, defragmentation of
 * the file. Over the etcd3 library it is in etcd3-room.ts.
 */

/** Speaks to one endpoint only, as {@link EtcdAdmin} does: every call has a deadline, is sent once, and fails with EtcdError. */
export interface RoomClient {
  readonly endpoint: string;
  /** Answered locally. */
  sizes(): Promise<DatabaseSizes>;
  /**
   * Throws away what was overwritten or deleted before `revision`, on every member. Returns when this member has done so on
   * its disk; after a `deadline` it goes on. `compacted` where that was done already, `futureRevision` where it is not there yet.
   */
  compact(revision: string, deadlineMs: number): Promise<void>;
  /** Writes this member's database anew without its gaps. The member serves nothing meanwhile. After a `deadline` it goes on. */
  defragment(deadlineMs: number): Promise<void>;
  close(): void;
}

export interface DatabaseSizes {
  /** The file. */
  readonly fileBytes: number;
  /** What of it is in use; undefined from servers older than 3.4, which do not say. */
  readonly usedBytes: number | undefined;
}
