/**
 * What healing remembers on disk over restarts of the agent: which member this node is since its last repair, which file
 * system its data is on, pauses, orders, former repairs, totals. The journal of a repair under way is a file of its own.
 */
import type { Files } from '@etcd-agent/platform';
import { hexId, pauseSchema, positionSchema, uint64 } from '@etcd-agent/protocol';
import * as z from 'zod';
import type { AgentPaths } from '../config.js';
import { optionalText } from '../optional-text.js';
import { orWithoutReserve } from '../reserve.js';
import { StateError } from '../store.js';
import { type Journal, journalSchema } from './journal.js';

/** Former repairs that are kept. */
const historyMax = 20;
/** Members whose places in the log are kept: all of the largest cluster, and as many former ones. */
const positionsMax = 32;

const memorySchema = z.strictObject({
  schema: z.literal(1),
  /** The member of this node, where it is not the one of the bootstrap any more. */
  member: z.strictObject({ bootstrapId: z.uuid(), memberId: hexId }).optional(),
  fileSystem: z.strictObject({ dataDir: z.string(), id: z.string() }).optional(),
  pause: pauseSchema.optional(),
  /** The generation of another cluster for which this etcd was stopped. */
  fencedBy: z.int().optional(),
  /** An operator's wish that this node's member be replaced. */
  order: z.strictObject({ by: z.string(), at: z.iso.datetime() }).optional(),
  history: z
    .array(
      z.strictObject({
        rule: z.string(),
        startedAt: z.iso.datetime(),
        endedAt: z.iso.datetime(),
        oldMemberId: hexId,
        newMemberId: hexId,
        quarantines: z.array(z.string()),
      }),
    )
    .max(historyMax),
  counters: z.record(z.string(), z.number()),
});
export type HealMemory = z.infer<typeof memorySchema>;
export type FinishedRepair = HealMemory['history'][number];

const positionsSchema = z.strictObject({
  schema: z.literal(1),
  members: z.array(positionSchema.extend({ memberId: hexId })).max(positionsMax),
  served: z.strictObject({ memberId: hexId, at: z.iso.datetime(), index: uint64 }).optional(),
});
export type RememberedPosition = z.infer<typeof positionsSchema>['members'][number];
/** What was seen of the cluster's members, as far as it must outlive the agent. */
export type Remembered = Pick<z.infer<typeof positionsSchema>, 'members' | 'served'>;

/**
 * An operator's order that could not be begun for this long is void: nobody expects any more that a member is replaced for it.
 */
const orderMsMax = 10 * 60_000;

/** By wall time, which is all that is known after a restart. Of one from the future nobody knows how old it is: it is void too. */
export function standingOrder({ order }: Pick<HealMemory, 'order'>, wallMs: number): HealMemory['order'] {
  return order !== undefined && Math.abs(wallMs - Date.parse(order.at)) < orderMsMax ? order : undefined;
}

const empty: HealMemory = { schema: 1, history: [], counters: {} };

/** Reads once, writes on every change; what cannot be understood is a StateError and never taken for nothing. */
export class HealStore {
  private memory: HealMemory | undefined;
  /** Changes in a row: each is made of what the one before has left. */
  private line: Promise<unknown> = Promise.resolve();
  /** Rises with every change, so that what was decided before one can be told. */
  private changes = 0;
  private repair: { readonly journal: Journal | undefined } | undefined;

  constructor(
    private readonly files: Files,
    private readonly paths: AgentPaths,
  ) {}

  async read(): Promise<HealMemory> {
    this.memory ??= (await this.json(this.paths.healing, memorySchema)) ?? empty;
    return this.memory;
  }

  get version(): number {
    return this.changes;
  }

  /** Durable when it returns. */
  change(change: (memory: HealMemory) => HealMemory): Promise<void> {
    const changed = this.line.then(async () => {
      const next = change(await this.read());
      const bounded = { ...next, history: next.history.slice(-historyMax) };
      await this.write(this.paths.healing, bounded);
      this.memory = bounded;
      this.changes += 1;
    });
    this.line = changed.catch(() => {});
    return changed;
  }

  async journal(): Promise<Journal | undefined> {
    this.repair ??= { journal: await this.json(this.paths.repair, journalSchema) };
    return this.repair.journal;
  }

  /** A disk that fills up in the middle of a repair must not keep its node out of the cluster: the reserve goes first. */
  async keepJournal(journal: Journal): Promise<void> {
    await orWithoutReserve(
      () => this.write(this.paths.repair, journal),
      () => this.files.remove(this.paths.reserve),
    );
    this.repair = { journal };
  }

  async closeJournal(): Promise<void> {
    await this.files.remove(this.paths.repair);
    this.repair = { journal: undefined };
  }

  async remembered(): Promise<Remembered> {
    return (await this.json(this.paths.positions, positionsSchema)) ?? { members: [] };
  }

  async keepRemembered({ members, served }: Remembered): Promise<void> {
    const kept = { schema: 1, members: members.slice(-positionsMax) };
    await this.write(this.paths.positions, served === undefined ? kept : { ...kept, served });
  }

  private async json<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const text = await optionalText(this.files, path);
    if (text === undefined) return undefined;
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (error) {
      throw new StateError(path, 'is not JSON', { cause: error });
    }
    const parsed = schema.safeParse(body);
    if (!parsed.success)
      throw new StateError(path, 'does not have the expected shape', { cause: parsed.error });
    return parsed.data;
  }

  private async write(path: string, value: unknown): Promise<void> {
    await this.files.writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  }
}
