/**
 * Clients that write all the time, each key once, through whichever member answers, and remember what was acknowledged.
 */
import type { EtcdAdmin } from '@etcd-agent/etcd';
import type { SimCluster } from './sim-cluster.js';

const writeEveryMs = 500;

export class SimWriters {
  readonly acknowledged = new Map<string, string>();
  #next = 0;
  #at = 0;
  #ended = false;
  readonly #clients = new Map<string, EtcdAdmin>();

  constructor(private readonly cluster: SimCluster) {
    this.#write();
  }

  end(): void {
    this.#ended = true;
    for (const client of this.#clients.values()) client.close();
  }

  #write(): void {
    const { clock, nodes } = this.cluster;
    if (this.#ended) return;
    const node = nodes[this.#at % nodes.length]!;
    const client = this.#clients.get(node) ?? this.cluster.client(node);
    this.#clients.set(node, client);
    const key = `written/${this.#next}`;
    const value = String(this.#next);
    this.#next += 1;
    client.put(key, value).then(
      () => this.acknowledged.set(key, value),
      () => {
        // Nobody knows whether it was written; the next member takes the next one.
        this.#at += 1;
      },
    );
    clock.after(writeEveryMs, () => this.#write());
  }
}
