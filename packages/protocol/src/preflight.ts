/**
 * Facts that the coordinator judges before it lets a cluster begin. The agent reports; it does not judge.
 */
import * as z from 'zod';
import { nameSchema } from './identity.js';
import { instant, port } from './ids.js';
import { plainPath } from './plain-path.js';
import { dataDirSchema, serviceStateSchema } from './snapshot.js';

export const endpointSchema = z.strictObject({ host: z.string().min(1).max(255), port });
export type EndpointAddress = z.infer<typeof endpointSchema>;

/** How a listening port stands on the host. `ownEtcd`: our own etcd has it, as on a resume. */
export const portStateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('listening') }),
  z.strictObject({ kind: z.literal('ownEtcd') }),
  z.strictObject({ kind: z.literal('inUse') }),
  z.strictObject({ kind: z.literal('notLocal') }),
  z.strictObject({ kind: z.literal('failed'), why: z.string() }),
]);
export type PortState = z.infer<typeof portStateSchema>;

/** The etcd that would be started. */
export const etcdProgramSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('found'), path: z.string(), version: z.string() }),
  z.strictObject({ kind: z.literal('missing'), path: z.string() }),
  z.strictObject({ kind: z.literal('broken'), path: z.string(), why: z.string() }),
]);
export type EtcdProgram = z.infer<typeof etcdProgramSchema>;

export const preflightFactsSchema = z.strictObject({
  now: instant,
  etcd: etcdProgramSchema,
  service: z.strictObject({
    manager: z.enum(['systemd', 'process']),
    state: serviceStateSchema,
    /** What a unit of the distribution does that ours must reset or cannot live with. */
    unit: z.strictObject({
      style: z.enum(['none', 'environment', 'flags', 'configFile', 'ours', 'unknown']),
      detail: z.string(),
    }),
  }),
  addresses: z.array(z.string()).max(256),
  dataDir: dataDirSchema,
  disk: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('measured'),
      freeBytes: z.number(),
      fsyncMsMedian: z.number(),
      fsyncMsMax: z.number(),
    }),
    z.strictObject({
      kind: z.literal('failed'),
      why: z.string(),
      /** What to do about it, where the agent knows. */
      next: z.string().optional(),
    }),
  ]),
  /** Older agents do not tell. */
  memory: z
    .strictObject({ totalBytes: z.number(), availableBytes: z.number(), swapUsedBytes: z.number() })
    .optional(),
  account: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('present'), name: z.string(), uid: z.int(), gid: z.int() }),
    z.strictObject({ kind: z.literal('missing'), name: z.string() }),
    z.strictObject({ kind: z.literal('notUsed') }),
  ]),
  ports: z.strictObject({ client: portStateSchema, peer: portStateSchema }),
  /** Whether the agent could take snapshots by itself and try them; only where that was asked. */
  snapshots: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('ready'), dir: z.string() }),
      z.strictObject({ kind: z.literal('lacking'), why: z.string(), next: z.string().optional() }),
    ])
    .optional(),
});
export type PreflightFacts = z.infer<typeof preflightFactsSchema>;

/** Answers of the temporary listeners carry it, so that a prober knows whom it reached. */
export const probeNonce = z.string().regex(/^[0-9a-f]{32}$/, 'a nonce is 32 lower-case hex digits');

export const preflightBeginSchema = z.strictObject({
  dataDir: plainPath,
  client: endpointSchema,
  peer: endpointSchema,
  nonce: probeNonce,
  /** Where the topology has agents take snapshots. */
  snapshots: z.strictObject({ dir: plainPath.optional() }).optional(),
});

export const probeTargetSchema = z.strictObject({
  node: nameSchema,
  door: z.enum(['agent', 'client', 'peer']),
  endpoint: endpointSchema,
});
export type ProbeTarget = z.infer<typeof probeTargetSchema>;

export const probeOutcomeSchema = z.discriminatedUnion('kind', [
  /** The listener answered and says from which address it saw us come. */
  z.strictObject({ kind: z.literal('reached'), sourceAddress: z.string() }),
  /** Something accepted the connection but did not answer as our listener: an etcd that already runs. */
  z.strictObject({ kind: z.literal('connected') }),
  z.strictObject({ kind: z.literal('failed'), why: z.string() }),
]);
export const probeResultSchema = z.strictObject({
  target: probeTargetSchema,
  outcome: probeOutcomeSchema,
  ms: z.number(),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;
