/**
 * The links of this agent to the others: one per peer, kept open, dialled again when it has ended. What is asked over
 * them is read-only; whether the other side answers is itself something that is seen.
 */
import { certificatePem, readCertificate } from '@etcd-agent/pki';
import { dialLink, type LinkChannel } from '@etcd-agent/platform';
import {
  type AgentMethods,
  agentMethods,
  type Caller,
  callOver,
  closeCodes,
  identityOf,
  limits,
  linkPaths,
  type PeerView,
  subprotocols,
} from '@etcd-agent/protocol';
import type { PeerLinks, SpecAgent } from './host.js';
import type { StoredIdentity } from './store.js';

interface OpenLink {
  readonly channel: LinkChannel;
  readonly caller: Caller<AgentMethods>;
  /** Address and certificates of both ends: another one means another link. */
  readonly key: string;
}

export function openPeerLinks(): PeerLinks {
  const links = new Map<string, OpenLink>();
  const dialling = new Map<string, Promise<OpenLink>>();
  let closed = false;

  async function linkTo(peer: SpecAgent, self: StoredIdentity, deadlineMs: number): Promise<OpenLink> {
    const key = JSON.stringify([peer, self.certificate]);
    const open = links.get(peer.name);
    if (open?.key === key) return open;
    if (open !== undefined) drop(peer.name, open);
    const underWay = dialling.get(key);
    if (underWay !== undefined) return underWay;
    const dialled = dial(peer, self, deadlineMs, key);
    dialling.set(key, dialled);
    try {
      const link = await dialled;
      if (closed) {
        link.channel.close(closeCodes.goingAway, '');
        throw new Error('the agent is stopping');
      }
      links.set(peer.name, link);
      link.channel.onClose(() => {
        if (links.get(peer.name) === link) links.delete(peer.name);
      });
      return link;
    } finally {
      dialling.delete(key);
    }
  }

  function drop(name: string, link: OpenLink): void {
    links.delete(name);
    link.channel.close(closeCodes.normal, '');
  }

  return {
    async view(peer, self, deadlineMs): Promise<PeerView> {
      const link = await linkTo(peer, self, deadlineMs);
      try {
        return await link.caller.call('peer.view', {}, deadlineMs);
      } catch (error) {
        // A link that does not answer may be half dead: the next question dials anew.
        drop(peer.name, link);
        throw error;
      }
    },
    close() {
      closed = true;
      for (const [name, link] of [...links]) drop(name, link);
    },
  };
}

async function dial(
  peer: SpecAgent,
  self: StoredIdentity,
  deadlineMs: number,
  key: string,
): Promise<OpenLink> {
  const channel = await dialLink({
    host: peer.address,
    port: peer.port,
    path: linkPaths.link,
    subprotocol: subprotocols.link,
    certificate: self.certificate,
    key: self.key,
    trust: {
      kind: 'ca',
      ca: self.agentCa,
      accept: (leaf) => objection(certificatePem(leaf), peer, self.cluster),
    },
    limits: { ...limits, handshakeMsMax: deadlineMs },
  });
  return { channel, caller: callOver<AgentMethods>(channel, agentMethods), key };
}

function objection(pem: string, peer: SpecAgent, cluster: string): string | undefined {
  const certificate = readCertificate(pem);
  const found = identityOf(certificate.uris);
  if (found?.role !== 'agent' || found.cluster !== cluster || found.name !== peer.name)
    return `the agent there is ${found?.name ?? 'of no cluster'}, not ${peer.name}`;
  return certificate.fingerprint256 === peer.certificateSha256
    ? undefined
    : `the certificate of ${peer.name} is not its current one`;
}
