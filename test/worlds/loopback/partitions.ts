/**
 * A healing world whose nodes reach each other through proxies, so that any of them can be cut off. The ports that everybody
 * knows belong to the proxies; the agents listen elsewhere by their configuration, and etcd by a wrapper around its binary.
 */
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, sleep, type TestNode } from '../../support/index.js';
import { powerOff } from './faults.js';
import { HealingWorld, type WorldOptions } from './healing-world.js';
import { TcpProxy } from './tcp-proxy.js';

export class Partitions {
  private readonly cuts = new Set<string>();
  private proxies: readonly TcpProxy[] = [];

  private constructor(readonly world: HealingWorld) {}

  /** Bootstraps a cluster, and then puts the proxies between its nodes. */
  static async start(options: WorldOptions = {}): Promise<Partitions> {
    const partitions = new Partitions(await HealingWorld.start(options));
    await partitions.interpose();
    return partitions;
  }

  /** Nothing that these nodes send arrives at those. */
  cut(from: readonly TestNode[], to: readonly TestNode[]): void {
    for (const sender of from) for (const receiver of to) this.cuts.add(`${sender.name} ${receiver.name}`);
    this.refresh();
  }

  /** These nodes and all others hear nothing of each other. */
  isolate(...nodes: readonly TestNode[]): void {
    const others = this.world.nodes.filter((node) => !nodes.includes(node));
    this.cut(nodes, others);
    this.cut(others, nodes);
  }

  mend(): void {
    this.cuts.clear();
    this.refresh();
  }

  async close(): Promise<void> {
    await this.world.close();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }

  private refresh(): void {
    for (const proxy of this.proxies) proxy.refresh();
  }

  private async interpose(): Promise<void> {
    const { nodes } = this.world;
    await Promise.all(nodes.map(powerOff));
    const proxies: Promise<TcpProxy>[] = [];
    for (const node of nodes) {
      const [agent, client, peer] = (await freePorts(3)) as [number, number, number];
      const wrapper = join(node.dir, 'etcd-elsewhere');
      writeFileSync(wrapper, wrapperText(node.etcd, client, peer), { mode: 0o755 });
      node.configure({ listen: `${node.address}:${agent}`, etcdBinary: wrapper });
      const ends = [
        [node.ports.agent, agent],
        [node.ports.client, client],
        [node.ports.peer, peer],
      ] as const;
      for (const [listenPort, targetPort] of ends)
        proxies.push(
          TcpProxy.start({
            listenPort,
            targetPort,
            to: node.name,
            whoDialled: (port) => this.whoDialled(port),
            mayPass: (sender, receiver) => !this.cuts.has(`${sender} ${receiver}`),
          }),
        );
    }
    this.proxies = await Promise.all(proxies);
    await Promise.all(nodes.map((node) => node.startAgent()));
    await this.world.whole(60_000);
  }

  /** The node whose agent or etcd has the socket; everything else is this test. */
  private async whoDialled(port: number): Promise<string> {
    for (let tries = 0; tries < 3; tries += 1) {
      const inode = inodeOf(port);
      for (const node of inode === undefined ? [] : this.world.nodes) {
        const pids = [...(node.agentRuns ? [node.agentPid] : []), node.etcdPid() ?? []].flat();
        if (pids.some((pid) => hasSocket(pid, inode!))) return node.name;
      }
      // An etcd that has just been started may not be on record yet.
      await sleep(20);
    }
    return 'outside';
  }
}

function wrapperText(etcd: string, client: number, peer: number): string {
  return `#!/bin/sh
export ETCD_LISTEN_CLIENT_URLS=https://127.0.0.1:${client}
export ETCD_LISTEN_PEER_URLS=https://127.0.0.1:${peer}
exec ${etcd} "$@"
`;
}

/** Inode of the socket with this local port on 127.0.0.1, as proc(5) lists it. */
function inodeOf(port: number): string | undefined {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((each) => each.trim().split(/\s+/)[1] === local);
  return line?.trim().split(/\s+/)[9];
}

function hasSocket(pid: number, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
