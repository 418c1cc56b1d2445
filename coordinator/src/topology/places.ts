/** Where each node is reached: the topology's defaults and overrides resolved, URLs as etcd writes them. Pure. */
import { isIPv6 } from 'node:net';
import { bootstrapMemberId, clusterIdOf } from '@etcd-agent/etcd';
import { canonicalAddress } from './addresses.js';
import type { TopologyFile } from './schema.js';

export interface NodePlace {
  readonly name: string;
  readonly address: string;
  readonly dns: readonly string[];
  readonly agentPort: number;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly clientURL: string;
  readonly peerURL: string;
  readonly dataDir: string;
}

export function placesOf(topology: Pick<TopologyFile, 'nodes' | 'agent' | 'etcd'>): NodePlace[] {
  return topology.nodes.map((node) => {
    const clientPort = node.clientPort ?? topology.etcd.clientPort;
    const peerPort = node.peerPort ?? topology.etcd.peerPort;
    const host = isIPv6(node.address) ? `[${canonicalAddress(node.address)}]` : node.address;
    return {
      name: node.name,
      address: node.address,
      dns: node.dns ?? [],
      agentPort: node.agentPort ?? topology.agent.port,
      clientPort,
      peerPort,
      clientURL: `https://${host}:${clientPort}`,
      peerURL: `https://${host}:${peerPort}`,
      dataDir: node.dataDir ?? topology.etcd.dataDir,
    };
  });
}

/** The ids that etcd will derive from the peer URLs and the token. */
export function expectedIds(places: readonly NodePlace[], token: string) {
  const members = places.map(({ name, peerURL }) => ({
    name,
    peerURLs: [peerURL],
    memberId: bootstrapMemberId([peerURL], token),
  }));
  return { members, clusterId: clusterIdOf(members.map(({ memberId }) => memberId)) };
}
