/**
 * What the coordinator remembers besides keys and certificates: tokens, enrolled nodes, the bootstrap. JSON on disk,
 * checked at every read.
 */
import {
  formerClusterSchema,
  formerClustersMax,
  hexId,
  instant,
  joinTokenSchema,
  nameSchema,
  operationSchema,
  pem,
  sha256Hex,
} from '@etcd-agent/protocol';
import * as z from 'zod';

/** A join token and how far it has been used. `bound`: it belongs to one key now, and this is that key's certificate. */
export const tokenRecordSchema = z.strictObject({
  token: joinTokenSchema,
  madeAt: instant,
  bound: z.strictObject({ publicKeySha256: sha256Hex, certificate: pem }).optional(),
});
export type TokenRecord = z.infer<typeof tokenRecordSchema>;

/** A node that has an identity. */
export const nodeRecordSchema = z.strictObject({
  name: nameSchema,
  certificateSha256: sha256Hex,
  certificate: pem,
  enrolledAt: instant,
});
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/**
 * The bootstrap, written before any node hears of it. Ids follow from token and peer URLs, so that every node and every
 * resume can be checked against them.
 */
export const bootstrapRecordSchema = z.strictObject({
  bootstrapId: z.uuid(),
  token: z.string(),
  clusterId: hexId,
  members: z
    .array(z.strictObject({ name: nameSchema, memberId: hexId, peerURLs: z.array(z.string()) }))
    .min(1),
  etcdVersion: z.string(),
  /** Of the last spec that was, or may have been, sent. */
  generation: z.int().min(1),
  /** Of the specs of that generation, without the generation itself. */
  specsSha256: sha256Hex,
  /** Likewise, of what etcd itself runs with only. Unknown after an import that learnt from agents. */
  settingsSha256: sha256Hex.optional(),
  /** Nodes whose member an operator removed on purpose. */
  unwanted: z.array(nameSchema).default([]),
  /** Reinstalled hosts, each with the member whose place it takes. */
  replaces: z.array(z.strictObject({ node: nameSchema, memberId: hexId })).default([]),
  /** The clusters that this one was before it was restored, the newest first. */
  previous: z.array(formerClusterSchema).max(formerClustersMax).default([]),
  /** A restore, or its undoing, that has not ended: nothing else is changed until it has. */
  underWay: operationSchema.optional(),
  recordedAt: instant,
  /** It is being given up: data dirs are being moved aside. Only the reset may go on from here. */
  resetting: z.literal(true).optional(),
  /** When all members were seen healthy, with the expected ids. */
  completedAt: instant.optional(),
});
export type BootstrapRecord = z.infer<typeof bootstrapRecordSchema>;
