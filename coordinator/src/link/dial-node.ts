/**
 * An authenticated link to one agent: TLS with the agent CA on both sides, and a certificate that says it is that very
 * node of this cluster.
 */

import { certificatePem, readCertificate } from '@etcd-agent/pki';
import { DialError, dialLink } from '@etcd-agent/platform';
import {
  type AgentMethods,
  agentMethods,
  type Caller,
  callOver,
  closeCodes,
  identityOf,
  limits,
  linkPaths,
  type ResultOf,
  subprotocols,
} from '@etcd-agent/protocol';
import type { LinkCredentials } from '../authority.js';
import type { NodePlace } from '../topology/places.js';
import { version } from '../version.js';

export interface NodeLink extends Caller<AgentMethods> {
  readonly place: NodePlace;
  readonly hello: ResultOf<AgentMethods, 'agent.hello'>;
  readonly certificateSha256: string;
  /** The agent's clock less ours, and how sure that is (half the round trip). Milliseconds. */
  readonly clock: { readonly offsetMs: number; readonly uncertainMs: number };
  close(): void;
}

/** Dials and says hello. `certificateSha256`: the one certificate that is current for the node, where known. */
export async function dialNode(
  place: NodePlace,
  cluster: string,
  credentials: LinkCredentials,
  certificateSha256: string | undefined,
): Promise<NodeLink> {
  let shown = '';
  const channel = await dialLink({
    host: place.address,
    port: place.agentPort,
    path: linkPaths.link,
    subprotocol: subprotocols.link,
    certificate: credentials.certificate,
    key: credentials.key,
    trust: {
      kind: 'ca',
      ca: credentials.agentCa,
      accept: (leaf) => {
        const certificate = readCertificate(certificatePem(leaf));
        shown = certificate.fingerprint256;
        return objection(certificate.uris, shown, place, cluster, certificateSha256);
      },
    },
    limits,
  });
  const caller = callOver<AgentMethods>(channel, agentMethods);
  try {
    const sentAt = Date.now();
    const hello = await caller.call('agent.hello', { coordinatorVersion: version });
    const receivedAt = Date.now();
    if (hello.cluster !== cluster || hello.node !== place.name) {
      throw new DialError('identity', `it says it is ${hello.node} of ${hello.cluster}`);
    }
    const clock = {
      offsetMs: Math.round(Date.parse(hello.now) - (sentAt + receivedAt) / 2),
      uncertainMs: Math.ceil((receivedAt - sentAt) / 2),
    };
    return {
      place,
      hello,
      certificateSha256: shown,
      clock,
      call: (method, params, timeoutMs) => caller.call(method, params, timeoutMs),
      close: () => channel.close(closeCodes.normal, ''),
    };
  } catch (error) {
    channel.close(closeCodes.normal, '');
    throw error;
  }
}

function objection(
  uris: readonly string[],
  shown: string,
  place: NodePlace,
  cluster: string,
  current: string | undefined,
): string | undefined {
  const identity = identityOf(uris);
  if (identity === undefined || identity.cluster !== cluster)
    return 'its certificate names no node of this cluster';
  if (identity.role !== 'agent' || identity.name !== place.name)
    return `it is ${identity.role} ${identity.name}`;
  if (current !== undefined && shown !== current)
    return 'its certificate is not the one this node was enrolled with last';
  return undefined;
}
