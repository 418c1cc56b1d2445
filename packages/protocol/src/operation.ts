/**
 * Putting a whole cluster's data in another's place: a restore, and taking one back. While it is under way every member
 * spec names it, and an agent does what the operation asks and nothing by itself.
 */
import * as z from 'zod';
import { nameSchema } from './identity.js';
import { hexId, sha256Hex } from './ids.js';
import { dataDirSchema } from './snapshot.js';

/** A cluster that this one was before: only its data may be moved aside for this one. */
export const formerClusterSchema = z.strictObject({ bootstrapId: z.uuid(), clusterId: hexId });
export type FormerCluster = z.infer<typeof formerClusterSchema>;
/** A node that was away for more restores than this is a foreign one. */
export const formerClustersMax = 8;

/** The largest database etcd is meant for is 8 GiB. */
const snapshotBytesMax = 64 * 1024 ** 3;
/** Revisions are 63 bits wide; what is asked for is a thousand million. */
const bumpRevisionMax = 1_000_000_000_000;

const operationBase = {
  id: z.uuid(),
  /** What goes on with it on the coordinator's host. */
  command: z.string().min(1).max(200),
  /** The nodes that take part: of a restore, the members that the cluster begins with. */
  nodes: z.array(nameSchema).min(1).max(9),
};

/** Everything that any step of it needs, so that agents and a coordinator that was killed need nothing else. */
export const operationSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('restore'),
    ...operationBase,
    snapshot: z.strictObject({
      sha256: sha256Hex,
      bytes: z.int().min(1).max(snapshotBytesMax),
      /** How far the revision is raised, with everything before it marked as compacted; 0: not at all. */
      bumpRevision: z.int().min(0).max(bumpRevisionMax),
    }),
  }),
  z.strictObject({
    kind: z.literal('undo'),
    ...operationBase,
    /** The operation whose quarantines are put back. */
    of: z.uuid(),
  }),
]);
export type ClusterOperation = z.infer<typeof operationSchema>;

/** What an operation has left on a node, and what is in the place of the data now. */
export const operationViewSchema = z.strictObject({
  dataDir: dataDirSchema,
  /** What that operation has moved aside; the ids are null where there was no WAL that can be read. */
  quarantine: z
    .strictObject({ path: z.string(), clusterId: hexId.nullable(), memberId: hexId.nullable() })
    .nullable(),
  /** The cluster, by its bootstrap, whose member a repair on this node was replacing that has not ended: its data may not vote. */
  repairOf: z.uuid().nullable(),
  /** The file system under the data dir, against the one that the data was on. */
  fileSystem: z.enum(['same', 'other', 'neverSeen']),
  freeBytes: z.number(),
});
export type OperationView = z.infer<typeof operationViewSchema>;
