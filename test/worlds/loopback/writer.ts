/**
 * A client of the cluster that writes new keys without pause, through every member in turn, and remembers what became of
 * each: acknowledged, or unknown. Acknowledged writes are what must still be there, whatever was broken and healed.
 */
import { connectEtcd, type EtcdAdmin, EtcdError } from '@etcd-agent/etcd';
import type { TestCluster, TestNode } from '../../support/index.js';
import { sleep } from '../../support/index.js';
import { etcdCredentials } from './etcd-access.js';

/** Longest wait for one write. A member that cannot reach its leader keeps a client waiting longer. */
const writeMsMax = 1_000;
/** Between two writes: some hundred keys in a test are enough to notice a lost one, and reading them back is quick. */
const pauseMs = 120;
/** A member that did not take a write is passed over for this long. */
const passOverMs = 300;

export interface Written {
  /** Keys whose write etcd has acknowledged; the value is the key. */
  readonly acknowledged: readonly string[];
  /** When each of them was, by the wall clock, in milliseconds. */
  readonly acknowledgedAtMs: readonly number[];
  /** How many ended otherwise: they may be there or not. */
  readonly unknown: number;
  /** Longest time between two acknowledgements, milliseconds, and what the members said meanwhile. */
  readonly longestStallMs: number;
  readonly refusals: Readonly<Record<string, number>>;
}

export class Writer {
  private readonly acknowledged: string[] = [];
  private readonly acknowledgedAtMs: number[] = [];
  private unknown = 0;
  private longestStallMs = 0;
  private lastMs = performance.now();
  private readonly refusals: Record<string, number> = {};
  private readonly passedOver = new Map<string, number>();
  private stopping = false;
  private running: Promise<void> = Promise.resolve();

  private constructor(
    readonly prefix: string,
    private readonly members: readonly EtcdAdmin[],
  ) {}

  /** Begins to write through these nodes (default: all of the cluster). `prefix` must be new in this cluster. */
  static async start(
    cluster: TestCluster,
    prefix: string,
    nodes: readonly TestNode[] = cluster.nodes,
  ): Promise<Writer> {
    const credentials = await etcdCredentials(cluster);
    const connect = (endpoint: string) => connectEtcd({ endpoint, ...credentials, deadlineMs: writeMsMax });
    const writer = new Writer(prefix, await Promise.all(nodes.map(({ clientURL }) => connect(clientURL))));
    writer.running = writer.write();
    return writer;
  }

  /** How many writes were acknowledged so far. */
  get count(): number {
    return this.acknowledged.length;
  }

  /** How long ago the last one was, milliseconds. */
  get stillMs(): number {
    return performance.now() - this.lastMs;
  }

  /** Ends it. */
  async stop(): Promise<Written> {
    this.stopping = true;
    await this.running;
    for (const member of this.members) member.close();
    this.noteStall();
    const { acknowledged, acknowledgedAtMs, unknown, longestStallMs, refusals } = this;
    return { acknowledged, acknowledgedAtMs, unknown, longestStallMs, refusals };
  }

  private async write(): Promise<void> {
    for (let number = 0; !this.stopping; number += 1) {
      const member = this.next(number);
      if (member === undefined) {
        await sleep(pauseMs);
        continue;
      }
      const key = `${this.prefix}${String(number).padStart(7, '0')}`;
      try {
        await member.put(key, key);
        this.noteStall();
        this.acknowledged.push(key);
        this.acknowledgedAtMs.push(Date.now());
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        this.unknown += 1;
        this.refusals[error.kind] = (this.refusals[error.kind] ?? 0) + 1;
        this.passedOver.set(member.endpoint, performance.now() + passOverMs);
      }
      await sleep(pauseMs);
    }
  }

  private next(number: number): EtcdAdmin | undefined {
    const now = performance.now();
    const usable = this.members.filter(({ endpoint }) => (this.passedOver.get(endpoint) ?? 0) <= now);
    return usable[number % Math.max(1, usable.length)];
  }

  private noteStall(): void {
    this.longestStallMs = Math.max(this.longestStallMs, this.stillMs);
    this.lastMs = performance.now();
  }
}
