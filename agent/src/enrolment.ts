/**
 * How an agent gets its identity: one attempt per connection, the coordinator proves itself first, and the key is on
 * disk before anybody sees the request for it. See docs/PROTOCOL.md, Enrolment.
 */

import {
  certificatePem,
  createRequest,
  generateKey,
  keyMatches,
  readCertificate,
  readRequest,
  verifyChain,
} from '@etcd-agent/pki';
import type { LinkChannel } from '@etcd-agent/platform';
import {
  agentProof,
  closeCodes,
  coordinatorProof,
  type EnrolmentMethods,
  enrolmentKey,
  enrolmentMethods,
  exporterBytes,
  exporterLabel,
  Fault,
  type Handlers,
  identityOf,
  type JoinToken,
  limits,
  type Params,
  proofsEqual,
  serveOver,
} from '@etcd-agent/protocol';
import type { AgentHost } from './host.js';
import type { Alone } from './one-at-a-time.js';
import { asFault } from './rpc/host-faults.js';
import type { StoredIdentity } from './store.js';

/** Why an enrolment was refused: told in the log in full, on the wire as one sentence without detail. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

export interface EnrolmentEvents {
  /** The identity is on disk; the listener should show it now. */
  onEnrolled(identity: StoredIdentity): void;
  onRefused(remoteAddress: string, why: string): void;
}

/**
 * Serves one attempt on `channel`; the channel ends with it, however it goes. `alone` runs one attempt's step at a time: two
 * at once could each make a key.
 */
export function serveEnrolment(
  host: AgentHost,
  channel: LinkChannel,
  alone: Alone,
  events: EnrolmentEvents,
): void {
  let stage: 'waiting' | 'proving' | 'proven' | 'over' = 'waiting';
  let token: JoinToken | undefined;
  let agentCa = '';
  /** The caller has proven that it is the coordinator. */
  let known = false;

  const deadline = setTimeout(
    () => channel.close(closeCodes.timeout, 'the enrolment took too long'),
    limits.enrolmentMsMax,
  );
  deadline.unref();
  channel.onClose(() => clearTimeout(deadline));

  const handlers: Handlers<EnrolmentMethods, undefined> = {
    'enrolment.prove': (params) =>
      attempt('waiting', async () => {
        stage = 'proving';
        token = await usableToken(host, params);
        await checkCoordinator(host, channel, token, params);
        known = true;
        agentCa = params.agentCa;
        const pending = await pendingRequest(host, token);
        const { publicKeySha256 } = await readRequest(pending.request);
        const key = enrolmentKey(token.secret, channel.exportKey(exporterLabel, exporterBytes));
        stage = 'proven';
        return { request: pending.request, proof: agentProof(key, token, publicKeySha256) };
      }),
    'enrolment.install': ({ certificate }) =>
      attempt('proven', async () => {
        stage = 'over';
        const identity = await takeCertificate(host, token!, agentCa, certificate);
        // Before the answer: the coordinator dials the new identity as soon as it has it.
        events.onEnrolled(identity);
        setTimeout(() => channel.close(closeCodes.normal, 'enrolled'), 20);
        return { certificateSha256: readCertificate(certificate).fingerprint256 };
      }),
  };
  serveOver(channel, enrolmentMethods, 'coordinator', handlers, undefined, {
    onError: (method, error) => host.log.error({ err: error, method }, 'enrolment failed'),
  });

  async function attempt<T>(expected: typeof stage, act: () => Promise<T>): Promise<T> {
    try {
      if (stage !== expected) throw new Refusal('a second attempt on one connection');
      return await alone(act);
    } catch (error) {
      stage = 'over';
      // The coordinator is told what this host could not do, a full disk for one; it is no refusal.
      if (known && !(error instanceof Refusal)) {
        host.log.error({ err: error }, 'enrolment failed');
        setTimeout(() => channel.close(closeCodes.enrolmentRefused, 'enrolment failed'), 20);
        throw asFault(error);
      }
      // Whatever anybody else sent to make this fail, they get the same answer, as late, and are counted.
      const why = error instanceof Error ? error.message : String(error);
      if (!(error instanceof Refusal)) host.log.error({ err: error }, 'enrolment failed');
      events.onRefused(channel.remoteAddress, why);
      await host.clock.sleep(limits.enrolmentRefusalDelayMs);
      setTimeout(() => channel.close(closeCodes.enrolmentRefused, 'enrolment refused'), 20);
      throw new Fault(
        'refused',
        'the agent refused the enrolment; its log says why',
        'Make a new token and install it there.',
      );
    }
  }
}

async function usableToken(
  host: AgentHost,
  params: Params<EnrolmentMethods, 'enrolment.prove'>,
): Promise<JoinToken> {
  const token = await host.store.joinToken();
  if (token === undefined) throw new Refusal('there is no join token on this host');
  if (Date.parse(token.expiresAt) <= host.clock.now().getTime()) {
    throw new Refusal(`the join token expired at ${token.expiresAt}`);
  }
  if (params.cluster !== token.cluster)
    throw new Refusal(`the caller means cluster ${params.cluster}, the token ${token.cluster}`);
  if (params.node !== token.node)
    throw new Refusal(`the caller means node ${params.node}, the token ${token.node}`);
  if (params.tokenId !== token.id)
    throw new Refusal('the caller means another token than the one on this host');
  return token;
}

// The CA comes with the call and counts only because its hash is in the token; the leaf comes from TLS itself.
async function checkCoordinator(
  host: AgentHost,
  channel: LinkChannel,
  token: JoinToken,
  params: Params<EnrolmentMethods, 'enrolment.prove'>,
): Promise<void> {
  if (readCertificate(params.agentCa).fingerprint256 !== token.agentCaSha256) {
    throw new Refusal("the caller's agent CA is not the one the token pins");
  }
  if (channel.peerCertificate === undefined) throw new Refusal('the caller showed no certificate');
  const verdict = verifyChain({
    leaf: certificatePem(channel.peerCertificate),
    authority: params.agentCa,
    now: host.clock.now(),
    usage: 'client auth',
  });
  if (!verdict.ok) throw new Refusal(`the caller's certificate is not usable: ${verdict.message}`);
  const identity = identityOf(verdict.certificate.uris);
  if (identity?.role !== 'coordinator' || identity.cluster !== token.cluster) {
    throw new Refusal(
      `the caller is ${verdict.certificate.uris.join(', ') || 'nobody'}, not the coordinator of ${token.cluster}`,
    );
  }
  const key = enrolmentKey(token.secret, channel.exportKey(exporterLabel, exporterBytes));
  if (!proofsEqual(params.proof, coordinatorProof(key, token, token.agentCaSha256))) {
    throw new Refusal('the caller does not know the secret of the token, or relays somebody who does');
  }
}

/** The same key and request for every attempt with one token: the coordinator binds the token to the first it signs. */
async function pendingRequest(host: AgentHost, token: JoinToken): Promise<{ key: string; request: string }> {
  const [pending, identity] = await Promise.all([host.store.pendingEnrolment(), host.store.identity()]);
  if (pending?.tokenId === token.id) return pending;
  // The certificate came and the confirmation was lost: still the same key, or the coordinator would refuse it.
  if (identity?.tokenId === token.id) {
    const request = await createRequest({ key: identity.key, subject: { CN: token.node, names: [] } });
    await host.store.keepPendingEnrolment({ tokenId: token.id, key: identity.key, request });
    return { key: identity.key, request };
  }
  // P-256 always: these certificates are for the link alone, whatever kind etcd's own keys are.
  const key = await generateKey({ algo: 'ecdsa', size: 256 });
  const request = await createRequest({ key, subject: { CN: token.node, names: [] } });
  await host.store.keepPendingEnrolment({ tokenId: token.id, key, request });
  return { key, request };
}

async function takeCertificate(
  host: AgentHost,
  token: JoinToken,
  agentCa: string,
  certificate: string,
): Promise<StoredIdentity> {
  const pending = await host.store.pendingEnrolment();
  if (pending === undefined) throw new Refusal('there is no request to certify');
  const verdict = verifyChain({
    leaf: certificate,
    authority: agentCa,
    now: host.clock.now(),
    usage: 'server auth',
  });
  if (!verdict.ok) throw new Refusal(`the certificate is not usable: ${verdict.message}`);
  const identity = identityOf(verdict.certificate.uris);
  if (identity?.role !== 'agent' || identity.cluster !== token.cluster || identity.name !== token.node) {
    throw new Refusal('the certificate is for somebody else');
  }
  if (!keyMatches(certificate, pending.key)) throw new Refusal('the certificate is for another key');
  const { cluster, node, id: tokenId } = token;
  const stored = { cluster, node, agentCa, certificate, key: pending.key, tokenId };
  await host.store.keepIdentity(stored);
  return stored;
}
