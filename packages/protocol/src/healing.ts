/**
 * What healing may do and when (the policy, which comes with the member spec), and what agents tell each other and the
 * coordinator about it. Durations in milliseconds; what is decided from them is the agent's own code.
 */
import * as z from 'zod';
import { nameSchema } from './identity.js';
import { hexId, instant, uint64 } from './ids.js';

const ms = (least: number, most: number) => z.int().min(least).max(most);
const day = 24 * 60 * 60 * 1000;

/** Every default has its reason beside it; an operator changes them under `healing:` in the topology. */
export const healingPolicySchema = z.strictObject({
  /** `watch`: everything is seen, decided and explained, and nothing is done. */
  mode: z.enum(['heal', 'watch']).default('heal'),
  /** An agent that has just started knows nothing of what went before: it watches this long before it begins a repair. */
  watchMs: ms(0, day).default(5_000),
  /** How long evidence for a repair must stand. A look takes milliseconds; a file system that is being mounted takes longer. */
  evidenceMs: ms(0, day).default(1_000),
  /** Silence of an etcd that runs. Ten elections of the runbook's cluster would be 25 s; a slow fsync is 1 s. */
  hangMs: ms(1_000, day).default(10_000),
  /** An etcd that started less than this ago may still be replaying its log or catching up. */
  hangUptimeMs: ms(0, day).default(60_000),
  /** Whoever stops an etcd by hand usually starts it again; after this long the agent does. */
  stoppedMs: ms(0, day).default(60_000),
  /** Whoever removes a member by hand may be about to add it again. */
  removedMs: ms(0, day).default(60_000),
  /** An entry that never started, of a node nobody hears of: a host that is being installed may take some minutes. */
  orphanMs: ms(1_000, 7 * day).default(15 * 60_000),
  /** How long a member that a reinstalled host replaces must have been seen inactive by everybody. */
  replaceMs: ms(1_000, day).default(10_000),
  /** A repair that did not hold this long counts as one of a series. */
  holdMs: ms(0, day).default(10 * 60_000),
  /** More repairs of one node in a day mean a cause that repairing does not remove. */
  repairsPerDayMax: z.int().min(1).max(100).default(3),
  /** A joining member that receives nothing for this long is taken back and added again. */
  joinStallMs: ms(1_000, day).default(5 * 60_000),
  /** Data moved aside is kept this long at least in one copy; the newest is never removed. */
  quarantineMs: ms(0, 365 * day).default(7 * day),
  /** Bytes of all quarantines of a node but the newest: two databases of etcd's suggested maximum. */
  quarantineBytesMax: z
    .int()
    .min(0)
    .default(16 * 1024 ** 3),
});
export type HealingPolicy = z.infer<typeof healingPolicySchema>;

/** What one node sees of another. `forMs`: how long it has been so, on the seeing node's own clock. */
export const sightSchema = z.strictObject({
  node: nameSchema,
  agent: z.enum(['up', 'silent', 'unknown']),
  agentForMs: z.int().min(0),
  /** `unhealthy`: it answers, and no linearizable read goes through it. */
  etcd: z.enum(['healthy', 'unhealthy', 'silent', 'unknown']),
  etcdForMs: z.int().min(0),
});
export type Sight = z.infer<typeof sightSchema>;

/** A place in raft's log. */
export const positionSchema = z.strictObject({ term: uint64, index: uint64 });
export type Position = z.infer<typeof positionSchema>;

/** The answer of `peer.view`: what an agent knows of itself and sees of the others. */
export const peerViewSchema = z.strictObject({
  node: nameSchema,
  /** 0 and nulls: no spec yet. */
  generation: z.int().min(0),
  bootstrapId: z.uuid().nullable(),
  clusterId: hexId.nullable(),
  /** Nodes that this generation does not want in the cluster. */
  unwanted: z.array(nameSchema).max(9),
  memberId: hexId.nullable(),
  /** How it finds its own etcd. */
  etcd: z.enum(['healthy', 'unhealthy', 'starting', 'down', 'unknown']),
  etcdForMs: z.int().min(0),
  /** `rejoin`: it has evidence for a repair and waits for something; `repairing`: one is under way. */
  intent: z.enum(['none', 'rejoin', 'repairing']),
  paused: z.boolean(),
  /** How old the newest verified snapshot is that it took by itself; null: it has none. Left out by who does not know yet. */
  snapshotAgeMs: z.int().min(0).nullable().optional(),
  sights: z.array(sightSchema).max(9),
  /** The highest place in the log that it has seen each member at, once that was ten seconds ago. */
  remembered: z.array(positionSchema.extend({ memberId: hexId })).max(32),
});
export type PeerView = z.infer<typeof peerViewSchema>;

/** Numbers and names that a decision was made from. */
export const evidenceSchema = z.record(
  z.string().max(40),
  z.union([z.string().max(500), z.number(), z.boolean()]),
);
export type Evidence = z.infer<typeof evidenceSchema>;

/** Why a rule does nothing now, with its numbers. */
export const waitingSchema = z.strictObject({
  rule: z.string(),
  reason: z.string(),
  evidence: evidenceSchema.optional(),
});
export type Waiting = z.infer<typeof waitingSchema>;

/** One line of what an agent has decided, done or refused. `seq` rises by one and survives restarts. */
export const agentEventSchema = z.strictObject({
  seq: z.int().min(1),
  at: instant,
  kind: z.enum(['started', 'decided', 'done', 'failed', 'waiting', 'operator']),
  rule: z.string().max(60),
  message: z.string().max(1_000),
  evidence: evidenceSchema.optional(),
});
export type AgentEvent = z.infer<typeof agentEventSchema>;

/** Most events in one answer: the limit of a frame is far away. */
export const eventsPageMax = 500;

export const pauseSchema = z.strictObject({
  until: instant,
  reason: z.string().min(1).max(500),
  by: z.string().min(1).max(200),
});
export type Pause = z.infer<typeof pauseSchema>;

/** A repair under way, as its journal has it. */
export const repairViewSchema = z.strictObject({
  id: z.uuid(),
  rule: z.string(),
  stage: z.string(),
  startedAt: instant,
  oldMemberId: hexId,
  newMemberId: hexId.optional(),
  quarantine: z.string().optional(),
});
export type RepairView = z.infer<typeof repairViewSchema>;

/** One guard as it stands now. */
export const guardViewSchema = z.strictObject({ guard: z.string(), ok: z.boolean(), reason: z.string() });
export type GuardView = z.infer<typeof guardViewSchema>;

/** Everything `coordinator heal status` and `explain` say of one node. */
export const healStatusSchema = z.strictObject({
  node: nameSchema,
  policy: healingPolicySchema.nullable(),
  pause: pauseSchema.nullable(),
  repair: repairViewSchema.nullable(),
  /** Finished repairs, newest last. */
  history: z
    .array(
      z.strictObject({
        rule: z.string(),
        startedAt: instant,
        endedAt: instant,
        oldMemberId: hexId,
        newMemberId: hexId,
      }),
    )
    .max(20),
  /** What is seen, as sentences with their numbers. */
  seen: z.array(z.strictObject({ what: z.string(), text: z.string() })).max(40),
  /** The step that the last plan came to; null where nothing is to be done. */
  next: z.strictObject({ rule: z.string(), step: z.string(), why: z.string() }).nullable(),
  waiting: z.array(waitingSchema).max(40),
  /** Totals since the agent's state began, for an exporter: `repairs_total{rule="rejoinDataGone"}`. */
  counters: z.record(z.string(), z.number()),
  view: peerViewSchema,
});
export type HealStatus = z.infer<typeof healStatusSchema>;
