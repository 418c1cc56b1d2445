/**
 * What the disk of one node holds, for a person who must choose between the nodes when no quorum is left. Each part says where it
 * was read: an etcd that runs is asked, the files of one that does not are read.
 */
import * as z from 'zod';
import { positionSchema } from './healing.js';
import { nameSchema } from './identity.js';
import { hexId, instant, uint64 } from './ids.js';
import { serviceStateSchema, specViewSchema } from './snapshot.js';

/** Learners and members that never started included; no cluster is larger. */
const membersMax = 32;
const quarantinesMax = 50;

export const reportedMemberSchema = z.strictObject({
  id: hexId,
  name: z.string().max(1_000),
  peerURLs: z.array(z.string().max(1_000)).max(16),
  role: z.enum(['voter', 'learner']),
});
export type ReportedMember = z.infer<typeof reportedMemberSchema>;

/** As this node's etcd tells by itself; only `healthy` takes a quorum. */
const runningEtcd = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('notRunning') }),
  z.strictObject({ kind: z.literal('silent'), why: z.string().max(1_000) }),
  z.strictObject({
    kind: z.literal('answers'),
    version: z.string().max(100),
    clusterId: hexId,
    memberId: hexId,
    /** A linearizable read went through it. */
    healthy: z.boolean(),
    isLearner: z.boolean(),
    revision: uint64,
    appliedIndex: uint64,
    term: uint64,
    members: z.array(reportedMemberSchema).max(membersMax),
  }),
]);

const walEnd = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('read'),
    /** The last write never finished; what follows is the position before it. */
    torn: z.boolean(),
    /** What the member has promised last, and what it knew to be committed when it wrote that down. */
    term: uint64,
    commit: uint64,
    lastTerm: uint64,
    lastIndex: uint64,
    /** When the newest segment was last changed: the last entry, vote or commit mark, or etcd's making room for more. */
    changedAt: instant,
  }),
  z.strictObject({ kind: z.literal('unreadable'), why: z.string().max(1_000) }),
]);

const database = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('notRead'), why: z.string().max(1_000) }),
  z.strictObject({
    kind: z.literal('read'),
    bytes: z.int().min(0),
    revision: uint64,
    consistentIndex: uint64,
    members: z.array(reportedMemberSchema).max(membersMax),
  }),
]);

const data = z.discriminatedUnion('kind', [
  /** No WAL: empty, missing, or something else. */
  z.strictObject({ kind: z.literal('none'), why: z.string().max(1_000) }),
  z.strictObject({ kind: z.literal('unknown'), why: z.string().max(1_000) }),
  z.strictObject({ kind: z.literal('wal'), clusterId: hexId, memberId: hexId, end: walEnd, database }),
]);

export const diskReportSchema = z.strictObject({
  node: nameSchema,
  observedAt: instant,
  spec: specViewSchema,
  service: serviceStateSchema,
  dataDir: z.string().nullable(),
  etcd: runningEtcd,
  data,
  /** Data that was moved aside here, the oldest first. */
  quarantines: z
    .array(
      z.strictObject({
        path: z.string(),
        at: instant.nullable(),
        bytes: z.number().min(0),
        clusterId: hexId.nullable(),
        memberId: hexId.nullable(),
      }),
    )
    .max(quarantinesMax),
  /** The highest place that this agent has seen each member at, once that was ten seconds ago. */
  remembered: z.array(positionSchema.extend({ memberId: hexId })).max(32),
  /**
   * Everything acknowledged before `at`, by this node's clock, is among the entries up to `index` of this member: a linearizable
   * read through it began then. Null where that was never seen.
   */
  served: z.strictObject({ memberId: hexId, at: instant, index: uint64 }).nullable(),
  paused: z.boolean(),
});
export type DiskReport = z.infer<typeof diskReportSchema>;
export { membersMax as reportedMembersMax, quarantinesMax as reportedQuarantinesMax };
