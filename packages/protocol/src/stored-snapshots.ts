/** Snapshots of etcd's data that an agent keeps, and what a trial restore of one came to. */
import * as z from 'zod';
import { instant, sha256Hex, uint64 } from './ids.js';
import { snapshotPolicySchema } from './snapshot-policy.js';

/** etcd's own advice is a database of 8 GiB at most. */
export const snapshotBytesMax = 64 * 1024 ** 3;

/** What a throw-away etcd served from a snapshot. */
export const snapshotContentSchema = z.strictObject({
  revision: uint64,
  /** Keys that were there at that revision. */
  keys: z.int().min(0),
  /** etcd's hash over all keys and revisions: that of any member of this minor, at this revision and compact revision. */
  hash: z.int().min(0),
  /** "-1" while nothing was ever compacted. */
  compactRevision: z.string().regex(/^-?\d{1,20}$/),
  dbSizeBytes: z.int().min(0),
  /** Minor of the etcd that it was tried with. */
  etcdMinor: z.string().max(20),
  tookMs: z.int().min(0),
});
export type SnapshotContent = z.infer<typeof snapshotContentSchema>;

/** How a snapshot is called on an agent: the name of its file, without directory. */
export const snapshotNameSchema = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.snapshot\.db$/, 'is no name of a snapshot');

export const storedSnapshotSchema = z.strictObject({
  name: snapshotNameSchema,
  /** Of the whole file. */
  sha256: sha256Hex,
  bytes: z.int().min(1),
  /** When it was taken, or had arrived. */
  at: instant,
  /** `scheduled`: taken by this agent by itself; `received`: sent by a coordinator. */
  origin: z.enum(['scheduled', 'received']),
  /** `none`: a copy of a member's `db`, whose bytes nothing vouches for. */
  seal: z.enum(['right', 'none']),
  /** Null where no trial restore of it has succeeded on this host. */
  verified: z.strictObject({ at: instant, content: snapshotContentSchema }).nullable(),
});
export type StoredSnapshot = z.infer<typeof storedSnapshotSchema>;

/** Most snapshots that one agent keeps, whatever it is told. */
export const storedSnapshotsMax = 200;

/** What the schedule of an agent is at: null where the topology has none. */
export const snapshotScheduleSchema = z.strictObject({
  policy: snapshotPolicySchema,
  /** What it waits for, or does, in a sentence. */
  now: z.string().max(1_000),
  /** The end of the last one that this agent took or tried to take; null since its start: none. */
  last: z.strictObject({ at: instant, ok: z.boolean(), text: z.string().max(1_000) }).nullable(),
});
export type SnapshotScheduleView = z.infer<typeof snapshotScheduleSchema>;
