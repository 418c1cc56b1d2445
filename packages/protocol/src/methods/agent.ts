/**
 * Everything an agent answers on an established link: parameters, results and who may call. There is no
 * generic command execution, and none may be added.
 */
import * as z from 'zod';
import { diskReportSchema } from '../disk-report.js';
import { etcdFileBytesMax, etcdInstallationSchema, installEndSchema } from '../etcd-install.js';
import {
  agentEventSchema,
  eventsPageMax,
  guardViewSchema,
  healStatusSchema,
  pauseSchema,
  peerViewSchema,
} from '../healing.js';
import { nameSchema } from '../identity.js';
import { hexId, instant, sha256Hex } from '../ids.js';
import { operationViewSchema } from '../operation.js';
import { pieceSchema, receivedSchema } from '../pieces.js';
import {
  preflightBeginSchema,
  preflightFactsSchema,
  probeNonce,
  probeResultSchema,
  probeTargetSchema,
} from '../preflight.js';
import { dataDirSchema, nodeSnapshotSchema } from '../snapshot.js';
import { memberSpecSchema } from '../spec.js';
import {
  snapshotBytesMax,
  snapshotScheduleSchema,
  storedSnapshotSchema,
  storedSnapshotsMax,
} from '../stored-snapshots.js';
import { defineMethods, pem } from './define.js';

/** A database of eight gigabytes on a slow disk. */
const announceMsMax = 2 * 60 * 60 * 1_000;

const keyRequest = z.discriminatedUnion('algo', [
  z.strictObject({
    algo: z.literal('rsa'),
    size: z.union([z.literal(2048), z.literal(3072), z.literal(4096)]),
  }),
  z.strictObject({ algo: z.literal('ecdsa'), size: z.union([z.literal(256), z.literal(384)]) }),
]);

export const agentMethods = defineMethods({
  /** Who answers, and how far it is. The first call on every link of a coordinator; it burns the join token. */
  'agent.hello': {
    roles: ['coordinator'],
    params: z.strictObject({ coordinatorVersion: z.string() }),
    result: z.strictObject({
      cluster: nameSchema,
      node: nameSchema,
      version: z.string(),
      /** The agent's wall clock when it answered. */
      now: instant,
      /** Highest generation seen; 0 where no spec was ever applied. */
      generation: z.int().min(0),
    }),
  },
  /** The source address the listener saw: what etcd will compare with a peer certificate's addresses. */
  'peer.whoami': {
    roles: ['coordinator', 'peer'],
    params: z.strictObject({}),
    result: z.strictObject({ node: nameSchema, sourceAddress: z.string() }),
  },
  /** One look at the host. `etcd: 'leave'` leaves etcd itself alone: quicker, and the answer is of files and the service. */
  'node.observe': {
    roles: ['coordinator'],
    params: z.strictObject({ etcd: z.enum(['ask', 'leave']).optional() }),
    result: nodeSnapshotSchema,
  },
  /** Facts about the host, and temporary listeners on the two etcd ports until `preflight.end` or the link closes. */
  'preflight.begin': { roles: ['coordinator'], params: preflightBeginSchema, result: preflightFactsSchema },
  'preflight.probe': {
    roles: ['coordinator'],
    params: z.strictObject({ nonce: probeNonce, targets: z.array(probeTargetSchema).max(64) }),
    result: z.strictObject({ results: z.array(probeResultSchema).max(64) }),
  },
  'preflight.end': { roles: ['coordinator'], params: z.strictObject({}), result: z.strictObject({}) },
  /** The etcd that is there, and which could be installed by what. */
  'install.look': { roles: ['coordinator'], params: z.strictObject({}), result: etcdInstallationSchema },
  /**
   * A file with an etcd is about to be sent. Answers how many bytes of it are there already: the next piece begins there.
   * Other files that were sent and not installed are removed. Refused where nothing may be installed, or there is no room.
   */
  'install.begin': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex, bytes: z.int().min(1).max(etcdFileBytesMax) }),
    result: receivedSchema,
  },
  /** The next piece, at the end of what is there; one for another place is not written. Synced when it is answered. */
  'install.piece': { roles: ['coordinator'], params: pieceSchema, result: receivedSchema },
  /** Checks the whole file, unpacks etcd, etcdctl and etcdutl from it, and makes them the ones in use. Idempotent. */
  'install.file': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex }),
    result: installEndSchema,
  },
  /** Has the distribution's package manager install its etcd, which is not started. Takes minutes. Idempotent. */
  'install.package': { roles: ['coordinator'], params: z.strictObject({}), result: installEndSchema },
  /** Snapshots that are kept on this host, the oldest first. */
  'snapshot.list': {
    roles: ['coordinator'],
    params: z.strictObject({}),
    result: z.strictObject({
      directory: z.string(),
      freeBytes: z.int().min(0),
      snapshots: z.array(storedSnapshotSchema).max(storedSnapshotsMax),
      schedule: snapshotScheduleSchema.nullable(),
    }),
  },
  /** A snapshot is about to be sent, as with `install.begin`. One that is kept here already is whole: `received` says so. */
  'snapshot.begin': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex, bytes: z.int().min(1).max(snapshotBytesMax) }),
    result: receivedSchema,
  },
  'snapshot.piece': { roles: ['coordinator'], params: pieceSchema, result: receivedSchema },
  /**
   * Checks SHA-256 and seal of a snapshot that was sent or is kept, and keeps it. With `trial` it is restored into a directory
   * that is thrown away, and what an etcd serves from it is read: minutes for a large one. Idempotent.
   */
  'snapshot.verify': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex, trial: z.boolean() }),
    result: storedSnapshotSchema,
  },
  /** Keeps a copy of the database of this node's etcd, which does not answer: `busy` while that still changes it. */
  'snapshot.ofDatabase': { roles: ['coordinator'], params: z.strictObject({}), result: storedSnapshotSchema },
  /** The bytes from `offset`; none at the end. */
  'snapshot.read': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex, offset: z.int().min(0) }),
    result: z.strictObject({ bytes: z.int().min(1), piece: pieceSchema }),
  },
  /** Removes a snapshot that a coordinator has sent. Those that the agent takes by itself are pruned by it alone. */
  'snapshot.forget': {
    roles: ['coordinator'],
    params: z.strictObject({ sha256: sha256Hex }),
    result: z.strictObject({ removed: z.boolean() }),
  },
  /** Makes the etcd and peer keys where there are none of this kind yet and returns requests for them. Keys stay. */
  'pki.request': {
    roles: ['coordinator'],
    params: z.strictObject({ key: keyRequest }),
    result: z.strictObject({ etcd: pem, peer: pem }),
  },
  /** Installs certificates for the keys of `pki.request`. Refused where a certificate does not fit its key. */
  'pki.install': {
    roles: ['coordinator'],
    params: z.strictObject({ etcdCa: pem, etcd: pem, peerCa: pem, peer: pem }),
    result: z.strictObject({ etcdSha256: sha256Hex, peerSha256: sha256Hex }),
  },
  'spec.get': {
    roles: ['coordinator'],
    params: z.strictObject({}),
    result: z.strictObject({ spec: memberSpecSchema.nullable() }),
  },
  /** Keeps the spec and writes `etcd.conf` and the unit's drop-in from it. Starts nothing. Idempotent. */
  'spec.apply': {
    roles: ['coordinator'],
    params: z.strictObject({ spec: memberSpecSchema }),
    result: z.strictObject({ changed: z.boolean() }),
  },
  /**
   * Starts etcd for the applied spec; on an empty data dir under a permit for `memberId`. Returns when the service
   * manager has accepted the start, not when etcd is ready.
   */
  'etcd.start': {
    roles: ['coordinator'],
    params: z.strictObject({ bootstrapId: z.uuid() }),
    result: z.strictObject({ started: z.boolean() }),
  },
  /**
   * Stops etcd and starts it again on the same data, for settings of the applied spec that count from a start only. Under
   * the guards of healing: the other voters do without it, it does not lead, nothing else is under way, and it has this
   * generation. Returns when the service manager has accepted the start.
   */
  'etcd.restart': {
    roles: ['coordinator'],
    params: z.strictObject({ generation: z.int().min(1), by: z.string().min(1).max(200) }),
    result: z.strictObject({ guards: z.array(guardViewSchema).max(20), restarted: z.boolean() }),
  },
  /**
   * A defragmentation of this node's database begins, which explains an etcd that does not answer for so long; 0: it is
   * over. Forgotten when the agent restarts. Answers the room on the disk of the data dir.
   */
  'defrag.announce': {
    roles: ['coordinator'],
    params: z.strictObject({ forMs: z.int().min(0).max(announceMsMax), by: z.string().min(1).max(200) }),
    result: z.strictObject({ freeBytes: z.number().min(0) }),
  },
  /** Stops etcd and moves a data dir of `bootstrapId` aside. Refused for any other. */
  'etcd.quarantine': {
    roles: ['coordinator'],
    params: z.strictObject({ bootstrapId: z.uuid() }),
    result: z.strictObject({ movedTo: z.string().nullable(), dataDir: dataDirSchema }),
  },
  /** What an operation has moved aside on this node, and how its data dir is: read-only, of any operation. */
  'operation.look': {
    roles: ['coordinator'],
    params: z.strictObject({ operation: z.uuid() }),
    result: operationViewSchema,
  },
  /**
   * The steps of the operation that this node's spec names, and of no other. Each is idempotent. This one stops etcd and moves
   * its data aside: that of a cluster which the spec names as a former one.
   */
  'operation.quarantine': {
    roles: ['coordinator'],
    params: z.strictObject({ operation: z.uuid() }),
    result: z.strictObject({ movedTo: z.string().nullable() }),
  },
  /** Makes a data dir of the snapshot that the spec names, and puts it in the place of the one that was moved aside. */
  'operation.place': {
    roles: ['coordinator'],
    params: z.strictObject({ operation: z.uuid() }),
    result: z.strictObject({ placed: z.boolean() }),
  },
  /** Puts back what the operation that is undone had moved aside; what is there now is moved aside for it. */
  'operation.putBack': {
    roles: ['coordinator'],
    params: z.strictObject({ operation: z.uuid() }),
    result: z.strictObject({ putBack: z.boolean() }),
  },
  /** Starts etcd on the data that was put there, and never on anything else. */
  'operation.start': {
    roles: ['coordinator'],
    params: z.strictObject({ operation: z.uuid() }),
    result: z.strictObject({ started: z.boolean() }),
  },
  /** What this agent knows of itself and sees of the others: read-only, from memory, nothing is asked for it. */
  'peer.view': { roles: ['coordinator', 'peer'], params: z.strictObject({}), result: peerViewSchema },
  'heal.status': { roles: ['coordinator'], params: z.strictObject({}), result: healStatusSchema },
  /** No repair begins until `until`; one that has removed its old entry goes on to its end. Survives restarts. */
  'heal.pause': { roles: ['coordinator'], params: pauseSchema, result: z.strictObject({}) },
  'heal.resume': {
    roles: ['coordinator'],
    params: z.strictObject({ by: z.string().min(1).max(200) }),
    result: z.strictObject({ wasPaused: z.boolean() }),
  },
  /** Events with a number above `after`, oldest first; `after: 0` begins with the oldest that is kept. */
  'events.read': {
    roles: ['coordinator'],
    params: z.strictObject({ after: z.int().min(0), limit: z.int().min(1).max(eventsPageMax) }),
    result: z.strictObject({
      events: z.array(agentEventSchema).max(eventsPageMax),
      /** The highest number there is; 0 where there are none. */
      newest: z.int().min(0),
    }),
  },
  /**
   * Removes another node's member through the guards of a repair, for a host that does not come back. Sent to the agent
   * of a healthy voter. With `dryRun` the guards are only told.
   */
  'member.remove': {
    roles: ['coordinator'],
    params: z.strictObject({ memberId: hexId, dryRun: z.boolean(), by: z.string().min(1).max(200) }),
    result: z.strictObject({ guards: z.array(guardViewSchema).max(20), removed: z.boolean() }),
  },
  /** Asks the node itself for a repair of its healthy or unhealthy member, through all guards. Returns when it is accepted. */
  'member.replace': {
    roles: ['coordinator'],
    params: z.strictObject({ dryRun: z.boolean(), by: z.string().min(1).max(200) }),
    result: z.strictObject({
      guards: z.array(guardViewSchema).max(20),
      steps: z.array(z.string()).max(20),
      accepted: z.boolean(),
    }),
  },
  /** What this node's disk holds, and what it has seen of the others: read-only, takes no quorum. */
  'disk.report': { roles: ['coordinator'], params: z.strictObject({}), result: diskReportSchema },
  /** The file system that is under the data dir now is the right one, though it is new and empty. */
  'disk.accept': {
    roles: ['coordinator'],
    params: z.strictObject({ by: z.string().min(1).max(200) }),
    result: z.strictObject({ fileSystem: z.string() }),
  },
});

/** What an agent without identity answers, once per connection, and nothing else. */
export const enrolmentMethods = defineMethods({
  /** The coordinator proves itself first; the agent answers with its request and its own proof. */
  'enrolment.prove': {
    roles: ['coordinator'],
    params: z.strictObject({
      cluster: nameSchema,
      node: nameSchema,
      tokenId: z.uuid(),
      agentCa: pem,
      proof: sha256Hex,
    }),
    result: z.strictObject({ request: pem, proof: sha256Hex }),
  },
  'enrolment.install': {
    roles: ['coordinator'],
    params: z.strictObject({ certificate: pem }),
    result: z.strictObject({ certificateSha256: sha256Hex }),
  },
});

export type AgentMethods = typeof agentMethods;
export type EnrolmentMethods = typeof enrolmentMethods;
