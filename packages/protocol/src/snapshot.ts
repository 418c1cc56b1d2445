/**
 * What an agent sees of its own host: plain JSON, partial and dated. What could not be seen says so and why.
 */
import * as z from 'zod';
import { waitingSchema } from './healing.js';
import { nameSchema } from './identity.js';
import { hexId, instant, sha256Hex } from './ids.js';

/** The service manager's word on etcd; `detail` is for people. */
export const serviceStateSchema = z.strictObject({
  kind: z.enum([
    'missing',
    'masked',
    'active',
    'activating',
    'deactivating',
    'restarting',
    'inactive',
    'failed',
    'conditionFailed',
    'unknown',
  ]),
  pid: z.int().optional(),
  detail: z.string().max(500).optional(),
});
export type ServiceStateView = z.infer<typeof serviceStateSchema>;

/**
 * The data dir, judged. `ours` means: the agent made it or took it over empty for a bootstrap of this product, or
 * its WAL carries the cluster id of the spec. Everything else that is not empty is `foreign`.
 */
export const dataDirSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('missing') }),
  z.strictObject({ kind: z.literal('empty') }),
  z.strictObject({
    kind: z.literal('ours'),
    bootstrapId: z.uuid().optional(),
    wal: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('none') }),
      z.strictObject({ kind: z.literal('present'), clusterId: hexId, memberId: hexId }),
      z.strictObject({ kind: z.literal('unreadable'), why: z.string() }),
    ]),
  }),
  z.strictObject({ kind: z.literal('foreign'), why: z.string(), clusterId: hexId.optional() }),
  z.strictObject({ kind: z.literal('unknown'), why: z.string() }),
]);
export type DataDirView = z.infer<typeof dataDirSchema>;

export const etcdViewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('notAsked'), why: z.string() }),
  z.strictObject({ kind: z.literal('unreachable'), why: z.string() }),
  z.strictObject({
    kind: z.literal('answering'),
    version: z.string(),
    memberId: hexId,
    clusterId: hexId,
    leader: z.union([hexId, z.literal('none')]),
    /** A linearizable read through this member succeeded. */
    healthy: z.boolean(),
    raftIndex: z.string(),
    raftTerm: z.string(),
    dbSize: z.number(),
  }),
]);
export type EtcdView = z.infer<typeof etcdViewSchema>;

export const specViewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('present'),
    generation: z.int(),
    bootstrapId: z.uuid(),
    clusterId: hexId,
    memberId: hexId,
  }),
]);

export const certificateViewSchema = z.strictObject({
  name: z.string(),
  sha256: sha256Hex,
  notAfter: instant,
});

/**
 * What etcd reads under /etc/etcd, against what the agent keeps. `damaged`: the agent writes these paths anew by itself.
 * `lost`: a key or certificate that it keeps is missing, or the two do not fit, and only a bootstrap issues others.
 */
export const filesViewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('intact') }),
  z.strictObject({ kind: z.literal('damaged'), which: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('lost'), why: z.string() }),
  z.strictObject({ kind: z.literal('unknown'), why: z.string() }),
]);
export type FilesView = z.infer<typeof filesViewSchema>;

export const nodeSnapshotSchema = z.strictObject({
  node: nameSchema,
  observedAt: instant,
  agent: z.strictObject({ version: z.string(), pid: z.int(), startedAt: instant, rssBytes: z.int() }),
  host: z.strictObject({
    hostname: z.string(),
    os: z.string(),
    kernel: z.string(),
    arch: z.string(),
    cpus: z.int(),
    memoryBytes: z.number(),
    bootId: z.string(),
  }),
  spec: specViewSchema,
  service: serviceStateSchema,
  dataDir: dataDirSchema,
  certificates: z.array(certificateViewSchema),
  files: filesViewSchema,
  /** How `etcd.conf` stands: `initialClusterState` as it is in the file now. */
  conf: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('missing') }),
    z.strictObject({ kind: z.literal('present'), initialClusterState: z.string() }),
    z.strictObject({ kind: z.literal('unreadable'), why: z.string() }),
  ]),
  etcd: etcdViewSchema,
  /** What the agent's own plan is waiting for, rule by rule. */
  waiting: z.array(waitingSchema),
});
export type NodeSnapshot = z.infer<typeof nodeSnapshotSchema>;
