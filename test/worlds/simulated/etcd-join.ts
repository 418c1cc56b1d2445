/**
 * Who a starting etcd takes itself for: what its disk says; on an empty one the bootstrap's ids, or those that the first
 * of its peers that answers gives it, from what that peer happens to have applied. Nothing here keeps it from starting
 * under an id that has lost its data: nothing in etcd does.
 */
import { bootstrapMemberId, type ClusterId, clusterIdOf, type MemberId } from '@etcd-agent/etcd';
import { newState } from './etcd-apply.js';
import type { EtcdDisk, LogEntry, MemberRow } from './etcd-disk.js';
import type { EtcdConf } from './etcd-model.js';
import type { SimEtcd } from './etcd-process.js';
import type { EtcdWorld } from './etcd-world.js';

export type Birth =
  | { readonly kind: 'kept'; readonly disk: EtcdDisk }
  | { readonly kind: 'fresh'; readonly disk: EtcdDisk; readonly list: readonly MemberRow[] }
  | { readonly kind: 'refused'; readonly exitCode: number; readonly lastWords: string };

export function joinedDisk(world: EtcdWorld, node: string, conf: EtcdConf): Birth {
  const disk = world.diskOf(node);
  if (disk?.damage !== undefined) return { kind: 'refused', ...disk.damage };
  if (disk !== undefined) return { kind: 'kept', disk };
  if (!conf.initialCluster.some(({ name }) => name === conf.name))
    return fatal(`couldn't find local name "${conf.name}" in the initial cluster configuration`);
  return conf.initialClusterState === 'new' ? bootstrapped(world, node, conf) : joined(world, node, conf);
}

function bootstrapped(world: EtcdWorld, node: string, conf: EtcdConf): Birth {
  const list = conf.initialCluster
    .map(({ name, peerURLs }): MemberRow => {
      const id = bootstrapMemberId(peerURLs, conf.initialClusterToken);
      return { id, name, peerURLs, clientURLs: [], role: 'voter' };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const own = list.find(({ name }) => name === conf.name)!;
  const known = answeringPeers(world, node, conf).some((peer) =>
    peer.members.some(({ id, clientURLs }) => id === own.id && clientURLs.length > 0),
  );
  if (known) return fatal(`member ${own.id} has already been bootstrapped`);
  const log = list.map(
    (member, at): LogEntry => ({ term: 1, index: at + 1, command: { kind: 'add', member } }),
  );
  const disk = newDisk(clusterIdOf(list.map(({ id }) => id)), own.id, log);
  return { kind: 'fresh', disk, list };
}

function joined(world: EtcdWorld, node: string, conf: EtcdConf): Birth {
  const [peer] = answeringPeers(world, node, conf);
  if (peer === undefined)
    return fatal('cannot fetch cluster info from peer urls: could not retrieve cluster information');
  const { members } = peer;
  const urls = conf.initialCluster.flatMap(({ peerURLs }) => peerURLs).join(',');
  if (members.length !== conf.initialCluster.length)
    return fatal(`error validating peerURLs {${urls}}: member count is unequal`);
  const list: MemberRow[] = [];
  for (const { name, peerURLs } of conf.initialCluster) {
    const match = members.find((row) => sameURLs(row.peerURLs, peerURLs));
    if (match === undefined)
      return fatal(`error validating peerURLs {${urls}}: unmatched member while checking PeerURLs`);
    list.push({ ...match, name });
  }
  const own = list.find(({ name }) => name === conf.name)!;
  return { kind: 'fresh', disk: newDisk(peer.disk!.clusterId, own.id, []), list };
}

/** The peers of `initial-cluster` that answer at this moment, in the order in which etcd asks them. */
function answeringPeers(world: EtcdWorld, node: string, conf: EtcdConf): SimEtcd[] {
  const urls = conf.initialCluster
    .filter(({ name }) => name !== conf.name)
    .flatMap(({ peerURLs }) => peerURLs)
    .sort();
  return urls.flatMap((url) => {
    const peer = world.atPeerURL(url);
    const answers = peer?.active === true && world.network.reachBothWays(node, peer.node);
    return answers ? [peer] : [];
  });
}

function newDisk(clusterId: ClusterId, memberId: MemberId, log: LogEntry[]): EtcdDisk {
  const term = log.length > 0 ? 1 : 0;
  return {
    clusterId,
    memberId,
    log,
    hardState: { term, vote: undefined, commit: log.length },
    applied: newState(),
  };
}

function sameURLs(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((url) => b.includes(url));
}

function fatal(error: string): Birth {
  const lastWords = JSON.stringify({ level: 'fatal', msg: 'discovery failed', error });
  return { kind: 'refused', exitCode: 1, lastWords };
}
