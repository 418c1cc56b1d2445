/**
 * What no schema sees: things that contradict each other across the topology. Pure.
 */
import { isIP } from 'node:net';
import type { Path } from '@etcd-agent/strict-yaml';
import { canonicalAddress } from './addresses.js';
import type { TopologyFile } from './schema.js';

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  readonly message: string;
}

/** Every contradiction and every doubtful choice, errors first. */
export function checkTopology(topology: TopologyFile): Finding[] {
  const findings = [
    ...duplicateNames(topology),
    ...duplicateDoors(topology),
    ...mixedLoopback(topology),
    ...timing(topology),
    ...pkiSources(topology),
    ...voterCount(topology),
  ];
  return findings.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

function duplicateNames({ nodes }: TopologyFile): Finding[] {
  return nodes.flatMap((node, index) => {
    const first = nodes.findIndex((other) => other.name === node.name);
    if (first === index) return [];
    return [error(['nodes', index, 'name'], `${node.name} is already the name of nodes[${first}]`)];
  });
}

// Two nodes may share an address (a playground does), but never an address and a port.
function duplicateDoors(topology: TopologyFile): Finding[] {
  const seen = new Map<string, { readonly index: number; readonly key: string }>();
  const findings: Finding[] = [];
  const dataDirs = new Map<string, string>();
  topology.nodes.forEach((node, index) => {
    const doors = {
      agentPort: node.agentPort ?? topology.agent.port,
      clientPort: node.clientPort ?? topology.etcd.clientPort,
      peerPort: node.peerPort ?? topology.etcd.peerPort,
    };
    // IPv6 has many spellings of one address.
    const host = canonicalAddress(node.address);
    const sameAddress = topology.nodes
      .slice(0, index)
      .find((other) => canonicalAddress(other.address) === host);
    let clashes = 0;
    for (const [key, port] of Object.entries(doors)) {
      const door = `${host} port ${port}`;
      const owner = seen.get(door);
      if (owner !== undefined) {
        clashes += 1;
        // Ports that both have from the defaults clash because of the address: that is said once, below.
        if (owner.index === index || node[key as keyof typeof doors] !== undefined) {
          const whose = topology.nodes[owner.index]!.name;
          findings.push(error(['nodes', index, key], `${door} is already ${whose}'s ${owner.key}`));
        }
      } else {
        seen.set(door, { index, key });
      }
    }
    if (sameAddress !== undefined && clashes > 0) {
      const message = `${node.address} is already the address of ${sameAddress.name}, with the same ports`;
      findings.push(error(['nodes', index, 'address'], message));
    }
    const dataDir = `${host} ${node.dataDir ?? topology.etcd.dataDir}`;
    const holder = dataDirs.get(dataDir);
    if (holder !== undefined && clashes === 0) {
      findings.push(
        error(['nodes', index], `has the data dir of ${holder} on the same host: give it a dataDir`),
      );
    }
    dataDirs.set(dataDir, node.name);
  });
  return findings;
}

function mixedLoopback({ nodes }: TopologyFile): Finding[] {
  const loopback = nodes.filter((node) => isLoopback(node.address));
  if (loopback.length === 0 || loopback.length === nodes.length) return [];
  return loopback.map((node) =>
    error(
      ['nodes', nodes.indexOf(node), 'address'],
      `${node.address} is a loopback address: the other hosts cannot reach it`,
    ),
  );
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

// etcd itself refuses to start below this ratio.
function timing({ etcd }: TopologyFile): Finding[] {
  if (etcd.electionTimeout >= 5 * etcd.heartbeatInterval) return [];
  const message = `${etcd.electionTimeout} ms is less than five heartbeat intervals of ${etcd.heartbeatInterval} ms: etcd would not start`;
  return [error(['etcd', 'electionTimeout'], message)];
}

function pkiSources({ pki }: TopologyFile): Finding[] {
  const findings: Finding[] = [];
  if ((pki.csr ?? pki.caCsr) !== undefined && (pki.key ?? pki.names) !== undefined) {
    const key = pki.key !== undefined ? 'key' : 'names';
    findings.push(error(['pki', key], 'is also in the cfssl files named here: keep one of the two'));
  }
  if (pki.config !== undefined && pki.expiry !== undefined) {
    findings.push(
      error(['pki', 'expiry'], 'is also in the cfssl signing policy named by config: keep one of the two'),
    );
  }
  return findings;
}

function voterCount({ nodes }: TopologyFile): Finding[] {
  const n = nodes.length;
  if (n === 1) return [warning(['nodes'], 'one node: the cluster is down whenever this host is')];
  if (n % 2 === 1) return [];
  const tolerated = n - (Math.floor(n / 2) + 1);
  const message = `${n} voters tolerate ${tolerated} failure${tolerated === 1 ? '' : 's'}, as ${n - 1} would: use an odd number`;
  return [warning(['nodes'], message)];
}

function error(path: Path, message: string): Finding {
  return { severity: 'error', path, message };
}

function warning(path: Path, message: string): Finding {
  return { severity: 'warning', path, message };
}
