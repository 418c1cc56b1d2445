/**
 * The topology file: what the operator wrote. Strict: an unknown key is an error. Words and units are etcd's and
 * cfssl's own.
 */
import { isIP } from 'node:net';
import { nameSchema, plainPath, port, sha256Hex } from '@etcd-agent/protocol';
import * as z from 'zod';
import { healingSchema } from './healing-settings.js';
import { snapshotsSchema } from './snapshot-settings.js';

/** The most voters that etcd's authors advise is seven; nine leaves room for a migration. */
export const nodesMax = 9;

const address = z
  .string()
  .refine((text) => isIP(text) !== 0, {
    error: (issue) => `${JSON.stringify(issue.input)} is not an IP address`,
  })
  .refine((text) => !/^(0\.0\.0\.0|::|255\.255\.255\.255|22[4-9]\..*|23\d\..*)$/.test(text), {
    error: (issue) => `${JSON.stringify(issue.input)} is no address of one host`,
  });

const dnsName = z
  .string()
  .max(253)
  .regex(
    /^(?=.*[a-zA-Z])([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    'is not a DNS name (letters, digits, dashes and dots)',
  );

/** X.520 text that every certificate reader shows alike. */
const subjectText = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\x20-\x7e]*$/, 'has a character outside ASCII: a certificate subject is limited to ASCII here');

const subjectNameSchema = z.strictObject({
  C: z
    .string()
    .regex(/^[A-Z]{2}$/, 'is no country code: two capital letters')
    .optional(),
  ST: subjectText.optional(),
  L: subjectText.optional(),
  O: subjectText.optional(),
  OU: subjectText.optional(),
});

const keySchema = z
  .union(
    [
      z.strictObject({
        algo: z.literal('rsa'),
        size: z.union([z.literal(2048), z.literal(3072), z.literal(4096)]),
      }),
      z.strictObject({ algo: z.literal('ecdsa'), size: z.union([z.literal(256), z.literal(384)]) }),
    ],
    { error: 'must be { algo: rsa, size: 2048 | 3072 | 4096 } or { algo: ecdsa, size: 256 | 384 }' },
  )
  .describe('Key of the CAs and of every certificate.');

const nodeSchema = z.strictObject({
  name: nameSchema.describe('Name of the node and of its etcd member.'),
  address: address.describe(
    'The IP address that clients, the other members and the coordinator reach it at.',
  ),
  dns: z
    .array(dnsName)
    .max(16)
    .optional()
    .describe('Names that clients use for it; they go into its server certificate.'),
  agentPort: port.optional().describe('Overrides agent.port.'),
  clientPort: port.optional().describe('Overrides etcd.clientPort.'),
  peerPort: port.optional().describe('Overrides etcd.peerPort.'),
  dataDir: plainPath.optional().describe('Overrides etcd.dataDir.'),
});

const installSchema = z
  .discriminatedUnion(
    'from',
    [
      z.strictObject({ from: z.literal('package').describe('The package manager of each host.') }),
      z.strictObject({
        from: z.literal('file').describe('A file beside this one, sent to each host over the link.'),
        file: z
          .string()
          .min(1)
          .max(4096)
          .regex(/^[^\0\n]*$/, 'is no path')
          .describe("A .tar.gz as etcd's releases have it, or an etcd program; relative to this file."),
        sha256: sha256Hex.describe('Of that file, as sha256sum prints it.'),
      }),
    ],
    { error: 'must be { from: package } or { from: file, file: PATH, sha256: HEX }' },
  )
  .describe('Where etcd comes from, on hosts that do not have it. Left out: it has to be there.');
export type InstallSource = z.infer<typeof installSchema>;

export const topologySchema = z.strictObject({
  name: nameSchema.describe('Name of the cluster; part of every identity, so it cannot change later.'),
  nodes: z.array(nodeSchema).min(1, 'names no node').max(nodesMax, `names more than ${nodesMax} nodes`),
  agent: z.strictObject({ port: port.default(2400).describe('Where the agents listen.') }).prefault({}),
  etcd: z
    .strictObject({
      dataDir: plainPath.default('/var/lib/etcd/default.etcd'),
      clientPort: port.default(2379),
      peerPort: port.default(2380),
      heartbeatInterval: z.int().min(10).max(10_000).default(500).describe('Milliseconds.'),
      electionTimeout: z.int().min(50).max(50_000).default(2500).describe('Milliseconds.'),
      quotaBackendBytes: z
        .int()
        .min(0)
        .max(16 * 1024 ** 3)
        .optional(),
      autoCompactionMode: z.enum(['periodic', 'revision']).optional(),
      autoCompactionRetention: z
        .string()
        .regex(/^\d+(h|m|s)?$/, 'is neither a number nor hours such as "8h"')
        .optional(),
      snapshotCount: z.int().min(1).optional(),
      maxRequestBytes: z.int().min(1).optional(),
      install: installSchema.optional(),
    })
    .prefault({}),
  healing: healingSchema.describe('What every agent may do by itself when its etcd fails.'),
  snapshots: snapshotsSchema.describe('Snapshots that agents take by themselves. Left out: none.'),
  pki: z
    .strictObject({
      key: keySchema.optional(),
      names: z.array(subjectNameSchema).min(1).max(4).optional(),
      expiry: z
        .string()
        .regex(/^(\d+(h|m|s))+$/, 'is no duration as cfssl writes it, such as 87600h')
        .optional(),
      caCsr: z.string().optional().describe('An existing cfssl file: the request of the root CA.'),
      csr: z.string().optional().describe('An existing cfssl file: the request of the etcd certificates.'),
      config: z.string().optional().describe('An existing cfssl file: signing policy (expiry, usages).'),
    })
    .prefault({}),
});

/** The topology with every default in place; PKI files are not read yet. */
export type TopologyFile = z.infer<typeof topologySchema>;
