/**
 * Real certificates for simulated nodes: production code reads and verifies them. Made once per process, since they differ
 * from process to process and may not show in a run's log.
 */
import { createAuthority, createRequest, generateKey, issue, readRequest } from '@etcd-agent/pki';

export interface NodeIdentity {
  readonly agentCa: string;
  readonly agent: Leaf;
  readonly etcdCa: string;
  readonly etcd: Leaf;
  readonly peerCa: string;
  readonly peer: Leaf;
}

interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

/** The largest cluster there is. */
const nodesMax = 5;
/** Before every simulated moment. */
const issuedAt = new Date('2026-01-01T00:00:00Z');
const p256 = { algo: 'ecdsa', size: 256 } as const;

export function nodeName(index: number): string {
  return `etcd${index}`;
}

export function nodeAddress(index: number): string {
  return `10.0.0.${index + 1}`;
}

let made: Promise<ReadonlyMap<string, NodeIdentity>> | undefined;

/** Identities of `etcd0` … by name. */
export function nodeIdentities(): Promise<ReadonlyMap<string, NodeIdentity>> {
  made ??= makeIdentities();
  return made;
}

async function makeIdentities(): Promise<ReadonlyMap<string, NodeIdentity>> {
  const [agentCa, etcdCa, peerCa] = await Promise.all(
    ['agent-ca', 'etcd-root-ca', 'peer-ca'].map((CN) =>
      createAuthority({ subject: { CN, names: [] }, key: p256, expiry: '87600h', now: issuedAt }),
    ),
  );
  const identities = new Map<string, NodeIdentity>();
  for (let index = 0; index < nodesMax; index++) {
    const node = nodeName(index);
    const leaf = async (authority: typeof agentCa, CN: string, uris: string[]): Promise<Leaf> => {
      const key = await generateKey(p256);
      const { publicKey } = await readRequest(await createRequest({ key, subject: { CN, names: [] } }));
      const certificate = await issue({
        authority: authority!,
        publicKey,
        subject: { CN, names: [] },
        hosts: [nodeAddress(index)],
        uris,
        usages: ['signing', 'key encipherment', 'server auth', 'client auth'],
        expiry: '43800h',
        now: issuedAt,
      });
      return { certificate, key };
    };
    identities.set(node, {
      agentCa: agentCa!.certificate,
      agent: await leaf(agentCa, node, [`etcd-agent://sim/peer/${node}`]),
      etcdCa: etcdCa!.certificate,
      etcd: await leaf(etcdCa, 'etcd', []),
      peerCa: peerCa!.certificate,
      peer: await leaf(peerCa, 'etcd-peer', []),
    });
  }
  return identities;
}
