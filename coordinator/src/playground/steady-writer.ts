/**
 * A client that writes all the time: unique keys, one after another, through every member in turn as long as it answers.
 * What etcd has confirmed is remembered, and only that; a write whose answer was lost counts for nothing.
 */
import { connectEtcd, type EtcdAdmin, EtcdError } from '@etcd-agent/etcd';
import { systemClock } from '@etcd-agent/platform';
import type { AdminCredentials } from '../cluster/probe-members.js';
import type { NodePlace } from '../topology/places.js';

/** Longest wait for one write; a member that has been killed refuses at once. */
const writeMsMax = 1_000;
/** Between two writes: a client at work, not a load test. */
const pauseMs = 5;
/** A member through which a write failed is left alone for so long. */
const avoidMs = 300;
/** Reads under way at once. */
const readersMax = 16;
const readMsMax = 5_000;

export interface Written {
  /** Key and value of every write that etcd has confirmed. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Tries that ended without a confirmation, over all members. */
  readonly refused: number;
  /** Longest time between two confirmations that followed each other. */
  readonly longestStallMs: number;
}

export interface SteadyWriter {
  /** How many writes have been confirmed. */
  count(): number;
  /** Ends after the write that is under way. */
  stop(): Promise<Written>;
}

/** Returns once the first write has been confirmed. */
export async function startWriter(
  places: readonly NodePlace[],
  credentials: AdminCredentials,
  signal: AbortSignal,
): Promise<SteadyWriter> {
  const admins = await Promise.all(
    places.map(({ clientURL }) =>
      connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs: writeMsMax }),
    ),
  );
  const writer = new Writer(admins, signal);
  await writer.start();
  return writer;
}

class Writer implements SteadyWriter {
  private readonly acknowledged = new Map<string, string>();
  private refused = 0;
  private longestStallMs = 0;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly admins: readonly EtcdAdmin[],
    private readonly signal: AbortSignal,
  ) {}

  async start(): Promise<void> {
    let begun = () => {};
    const first = new Promise<void>((resolve) => {
      begun = resolve;
    });
    this.running = this.run(begun).finally(() => {
      for (const admin of this.admins) admin.close();
    });
    await Promise.race([first, this.running]);
  }

  count(): number {
    return this.acknowledged.size;
  }

  async stop(): Promise<Written> {
    this.stopped = true;
    await this.running;
    const { acknowledged, refused, longestStallMs } = this;
    return { acknowledged, refused, longestStallMs };
  }

  private async run(begun: () => void): Promise<void> {
    const avoidUntil = new Map<EtcdAdmin, number>();
    let lastMs: number | undefined;
    for (let tries = 0; !this.stopped && !this.signal.aborted; tries += 1) {
      const nowMs = systemClock.monotonicMs();
      const usable = this.admins.filter((admin) => (avoidUntil.get(admin) ?? 0) <= nowMs);
      const all = usable.length === 0 ? this.admins : usable;
      const admin = all[tries % all.length]!;
      const [key, value] = [`steady/${tries}`, `written at ${new Date().toISOString()}`];
      try {
        await admin.put(key, value);
        this.acknowledged.set(key, value);
        const atMs = systemClock.monotonicMs();
        if (lastMs !== undefined) this.longestStallMs = Math.max(this.longestStallMs, atMs - lastMs);
        lastMs = atMs;
        begun();
        await systemClock.sleep(pauseMs);
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        this.refused += 1;
        avoidUntil.set(admin, systemClock.monotonicMs() + avoidMs);
        if (usable.length === 0) await systemClock.sleep(pauseMs);
      }
    }
  }
}

/** Reads every acknowledged key linearizably through one member. Returns the keys that are not as they were written. */
export async function missingOf(
  acknowledged: ReadonlyMap<string, string>,
  through: NodePlace,
  credentials: AdminCredentials,
): Promise<readonly string[]> {
  const admin = await connectEtcd({ endpoint: through.clientURL, ...credentials, deadlineMs: readMsMax });
  const left = [...acknowledged];
  const missing: string[] = [];
  const read = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [key, value] = next;
      const found = await admin.get(key);
      if (found.kind !== 'found' || found.value !== value) missing.push(key);
    }
  };
  try {
    await Promise.all(Array.from({ length: readersMax }, read));
    return missing;
  } finally {
    admin.close();
  }
}
