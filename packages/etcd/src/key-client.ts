/**
 * The port to the keys of one etcd member, by bytes: counting, paging through them without their values, reading one,
 * deleting a range. Over the etcd3 library it is in etcd3-keys.ts.
 */
import type { KeyRange } from './key-range.js';

/** Speaks to one endpoint only, as {@link EtcdAdmin} does: every call has a deadline, is sent once, and fails with EtcdError. */
export interface KeyClient {
  readonly endpoint: string;
  /** How many keys there are, by a linearizable look at the index alone. `revision` "0": now. */
  count(range: KeyRange, revision: string): Promise<{ readonly count: number; readonly revision: string }>;
  /**
   * The lowest keys of the range, at most `limit`, without values, by a linearizable read. The member looks at the index of
   * the whole range for it, so that a range of millions costs, whatever the limit. `tooLarge` where the keys together are
   * longer than one answer may be. `compacted` where `revision` is too long ago; "0": now.
   */
  page(range: KeyRange, limit: number, revision: string): Promise<KeyPage>;
  /** One key with its value, by a linearizable read. */
  read(key: Uint8Array): Promise<KeyValue | undefined>;
  /** Deletes all of the range in one transaction. May be repeated: what is gone stays gone. */
  deleteRange(range: KeyRange): Promise<{ readonly deleted: number; readonly revision: string }>;
  /** Closes the connection; calls under way fail. May be called twice. */
  close(): void;
}

export interface KeyPage {
  /** In order. */
  readonly keys: readonly KeyFacts[];
  /** How many there are in the whole range. */
  readonly count: number;
  /** The store's revision as of this read. */
  readonly revision: string;
}

/** int64 numbers stay decimal strings. */
export interface KeyFacts {
  readonly key: Uint8Array;
  readonly createRevision: string;
  readonly modRevision: string;
  /** How often it was written since it was made. */
  readonly version: string;
  /** The id of its lease in hex; "0": none. */
  readonly lease: string;
}

export interface KeyValue extends KeyFacts {
  readonly value: Uint8Array;
  readonly revision: string;
}
