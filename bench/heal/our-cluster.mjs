// Ours: a cluster made by the product through its real programs, with agents under the default policy. Nobody repairs
// anything here; an etcd is broken, and its agent is left to it.
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, enrolledCluster, etcdPid, stop } from '../bootstrap/product.mjs';
import { EtcdCalls } from './etcd-calls.mjs';

const key = { algo: 'ecdsa', size: 256 };

export class OurCluster {
  static async start({ dir, etcd, timing }) {
    const cluster = await enrolledCluster({ dir, etcd, timing, key });
    await bootstrap(cluster);
    return new OurCluster(cluster);
  }

  constructor(cluster) {
    this.cluster = cluster;
    this.endpoints = cluster.nodes.map(({ name, dir, clientPort }) => {
      const pem = (file) => readFileSync(join(dir, 'etc', file));
      const tls = { ca: pem('etcd-root-ca.pem'), cert: pem('etcd.pem'), key: pem('etcd-key.pem') };
      return new EtcdCalls({ name, port: clientPort, tls });
    });
  }

  get agentPids() {
    return this.cluster.agents.map(({ pid }) => pid);
  }

  /** SIGKILL; with `wipe`, its data is gone in the same instant. */
  break(index, { wipe }) {
    const node = this.cluster.nodes[index];
    const pid = etcdPid(node);
    if (pid === undefined) throw new Error(`the etcd of ${node.name} does not run`);
    process.kill(pid, 'SIGKILL');
    if (wipe) renameSync(join(node.dir, 'data'), join(node.dir, 'data.gone'));
  }

  /** What the agent of this node has written down since a moment (milliseconds since 1970), each with its time after it. */
  eventsSince(index, sinceMs) {
    const { dir } = this.cluster.nodes[index];
    return ['events.jsonl.1', 'events.jsonl']
      .map((name) => join(dir, 'agent', name))
      .filter(existsSync)
      .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .map(({ at, kind, message, rule }) => ({ atMs: Date.parse(at) - sinceMs, kind, message, rule }))
      .filter(({ atMs }) => atMs >= 0);
  }

  async stop() {
    for (const endpoint of this.endpoints) endpoint.close();
    await stop(this.cluster);
  }
}
