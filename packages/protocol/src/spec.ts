/**
 * The member spec: what one agent was told to run. The coordinator writes it, the agent keeps the highest
 * generation and refuses older ones.
 */
import * as z from 'zod';
import { healingPolicySchema } from './healing.js';
import { nameSchema } from './identity.js';
import { hexId, port, sha256Hex } from './ids.js';
import { formerClusterSchema, formerClustersMax, operationSchema } from './operation.js';
import { plainPath } from './plain-path.js';
import { snapshotPolicySchema } from './snapshot-policy.js';

const httpsUrl = z
  .string()
  .max(300)
  .regex(/^https:\/\/(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, { error: 'https://host:port', abort: true })
  .refine(
    (url) => port.safeParse(Number(url.slice(url.lastIndexOf(':') + 1))).success,
    'a port is 1 to 65535',
  );
const urls = z.array(httpsUrl).min(1).max(8);

/** etcd's own settings, in etcd's own words. Times in milliseconds, sizes in bytes. */
export const etcdSettingsSchema = z.strictObject({
  /** The etcd version found on every node at preflight, such as `3.4.23`: the configuration is rendered for it. */
  version: z
    .string()
    .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}([-+][A-Za-z0-9.+~-]{1,40})?$/, 'a version is such as 3.4.23'),
  dataDir: plainPath,
  listenPeerURLs: urls,
  listenClientURLs: urls,
  initialAdvertisePeerURLs: urls,
  advertiseClientURLs: urls,
  heartbeatInterval: z.int().min(10).max(10_000),
  electionTimeout: z.int().min(50).max(50_000),
  quotaBackendBytes: z.int().min(0).optional(),
  autoCompactionMode: z.enum(['periodic', 'revision']).optional(),
  /** Revisions, hours or a Go duration: `1000`, `1`, `1h30m`. */
  autoCompactionRetention: z
    .string()
    .regex(/^\d[0-9a-z.]{0,31}$/, 'a retention is such as 1000 or 1h30m')
    .optional(),
  snapshotCount: z.int().min(1).optional(),
  maxRequestBytes: z.int().min(1).optional(),
});
export type EtcdSettings = z.infer<typeof etcdSettingsSchema>;

export const memberSpecSchema = z.strictObject({
  /** Rises by one with every change the coordinator makes. */
  generation: z.int().min(1),
  node: nameSchema,
  cluster: z.strictObject({
    name: nameSchema,
    /** One bootstrap, one id; `--reset` takes a new one. */
    bootstrapId: z.uuid(),
    /** etcd's initialClusterToken: random for every bootstrap. */
    token: z.string().regex(/^[A-Za-z0-9._-]{8,128}$/),
    /** The cluster id that follows from token and peer URLs. */
    clusterId: hexId,
    /** What this cluster was before it was restored, the newest first. Data of these is moved aside, and of no other. */
    previous: z.array(formerClusterSchema).min(1).max(formerClustersMax).optional(),
  }),
  /** The member id that follows likewise for this node. */
  memberId: hexId,
  etcd: etcdSettingsSchema,
  initialCluster: z
    .array(z.strictObject({ name: nameSchema, memberId: hexId, peerURLs: urls }))
    .min(1)
    .max(9),
  /** Where the other agents are and which certificate each now holds; older certificates are refused. */
  agents: z
    .array(
      z.strictObject({
        name: nameSchema,
        address: z.string().min(1).max(255),
        port,
        certificateSha256: sha256Hex,
        /** Where its etcd serves clients. */
        clientURLs: urls,
      }),
    )
    .min(1)
    .max(9),
  /** What this node's agent may do by itself when its etcd fails. */
  healing: healingPolicySchema.prefault({}),
  /** Snapshots that agents take by themselves; left out: none. */
  snapshots: snapshotPolicySchema.optional(),
  /** Nodes whose member an operator removed on purpose: nobody brings it back. */
  unwanted: z.array(nameSchema).max(9).default([]),
  /** Set for a reinstalled host: it takes the place of this member, whose data is gone with the former installation. */
  replaces: hexId.optional(),
  /** An operation is under way: until a newer generation is without it, only what it asks for is done. */
  hold: operationSchema.optional(),
});
export type MemberSpec = z.infer<typeof memberSpecSchema>;
