/**
 * What a node may be certified as: names come from the topology, and only the public key from its request.
 */
import { type Authority, hostProblems, issue, readRequest } from '@etcd-agent/pki';
import { identityUri } from '@etcd-agent/protocol';
import type { PkiSettings } from './topology/pki-settings.js';
import type { NodePlace } from './topology/places.js';

const linkUsages = ['signing', 'key encipherment', 'server auth', 'client auth'] as const;

/** Certifies a node's link key. */
export async function issueIdentity(
  authority: Authority,
  cluster: string,
  place: NodePlace,
  request: string,
  now: Date,
): Promise<string> {
  const { publicKey } = await readRequest(request);
  return issue({
    authority,
    publicKey,
    subject: { CN: place.name, names: [] },
    hosts: [place.address],
    uris: [identityUri({ cluster, role: 'agent', name: place.name })],
    usages: linkUsages,
    expiry: '87600h',
    now,
  });
}

/** Certifies a node's etcd key: its own addresses and names, and the loopback that operators use on the host. */
export function issueServer(
  authority: Authority,
  settings: PkiSettings,
  place: NodePlace,
  request: string,
  now: Date,
) {
  return issueLeaf({ authority, settings, CN: settings.leaf.CN, hosts: serverHosts(place), request, now });
}

/** Certifies a node's peer key: its own IP only, which etcd compares with the address the connection comes from. */
export function issuePeer(
  authority: Authority,
  settings: PkiSettings,
  place: NodePlace,
  request: string,
  now: Date,
) {
  return issueLeaf({ authority, settings, CN: place.name, hosts: [place.address], request, now });
}

interface LeafInput {
  readonly authority: Authority;
  readonly settings: PkiSettings;
  readonly CN: string;
  readonly hosts: readonly string[];
  readonly request: string;
  readonly now: Date;
}

async function issueLeaf({
  authority,
  settings: { leaf },
  CN,
  hosts,
  request,
  now,
}: LeafInput): Promise<string> {
  const { publicKey } = await readRequest(request);
  const { names, usages, expiry } = leaf;
  return issue({ authority, publicKey, subject: { CN, names }, hosts, uris: [], usages, expiry, now });
}

// A node name with an underscore is a fine node name and no host name.
function serverHosts({ address, dns, name }: NodePlace): string[] {
  const names = hostProblems([name]).length === 0 ? [name] : [];
  return [...new Set([address, ...dns, ...names, 'localhost', '127.0.0.1'])];
}
