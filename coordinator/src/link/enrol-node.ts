/**
 * The coordinator's side of an enrolment: prove first, check the answer, write down what is signed before the agent gets
 * it. The same token and the same key give the same certificate, however often; another key is refused.
 */

import { certificateSha256, readRequest } from '@etcd-agent/pki';
import { dialLink } from '@etcd-agent/platform';
import {
  agentProof,
  callOver,
  closeCodes,
  coordinatorProof,
  type EnrolmentMethods,
  enrolmentKey,
  enrolmentMethods,
  exporterBytes,
  exporterLabel,
  Fault,
  limits,
  linkPaths,
  proofsEqual,
  subprotocols,
} from '@etcd-agent/protocol';
import { audit } from '../audit.js';
import { type LinkCredentials, readAuthority } from '../authority.js';
import { issueIdentity } from '../certificates.js';
import { Failure } from '../failure.js';
import type { TokenRecord } from '../state/records.js';
import type { StateDir } from '../state/state-dir.js';
import { keepToken } from '../tokens.js';
import type { NodePlace } from '../topology/places.js';
import { newIdentity } from './new-identity.js';
import { keepNode } from './node-records.js';

/** Longer than the agent holds back a refusal. */
const answerMsMax = limits.enrolmentRefusalDelayMs + 10_000;

/** Enrols `place` with its pending token. Throws DialError, Fault, LinkError or Failure; every refusal is audited. */
export async function enrolNode(
  state: StateDir,
  place: NodePlace,
  cluster: string,
  credentials: LinkCredentials,
  record: TokenRecord,
): Promise<void> {
  const { token } = record;
  const channel = await dialLink({
    host: place.address,
    port: place.agentPort,
    path: linkPaths.enrolment,
    subprotocol: subprotocols.enrolment,
    certificate: credentials.certificate,
    key: credentials.key,
    // The agent has no identity to check yet; it proves that it holds the token, on this very connection.
    trust: { kind: 'nobody' },
    limits,
  });
  try {
    const caller = callOver<EnrolmentMethods>(channel, enrolmentMethods);
    const key = enrolmentKey(token.secret, channel.exportKey(exporterLabel, exporterBytes));
    const answer = await caller.call(
      'enrolment.prove',
      {
        cluster,
        node: place.name,
        tokenId: token.id,
        agentCa: credentials.agentCa,
        proof: coordinatorProof(key, token, token.agentCaSha256),
      },
      answerMsMax,
    );
    const { publicKeySha256 } = await readRequest(answer.request);
    if (!proofsEqual(answer.proof, agentProof(key, token, publicKeySha256))) {
      throw refused(place, 'it does not know the secret of the token, or somebody relays the connection');
    }
    const certificate = await certify(state, place, cluster, record, answer.request, publicKeySha256);
    await caller.call('enrolment.install', { certificate }, answerMsMax);
    await keepNode(state, {
      name: place.name,
      certificate,
      certificateSha256: certificateSha256(certificate),
      enrolledAt: new Date().toISOString(),
    });
    await audit(state, {
      action: 'enrol',
      node: place.name,
      outcome: 'ok',
      detail: { publicKeySha256, tokenId: token.id },
    });
  } catch (error) {
    await audit(state, {
      action: 'enrol',
      node: place.name,
      outcome: error instanceof Failure || error instanceof Fault ? 'refused' : 'failed',
      detail: { tokenId: token.id, why: (error as Error).message },
    }).catch(() => {}); // What went wrong first is what a person must see.
    throw error;
  } finally {
    channel.close(closeCodes.normal, '');
  }
}

/** Bound, then told: the certificate is on disk with the key's hash before the agent can have it. */
async function certify(
  state: StateDir,
  place: NodePlace,
  cluster: string,
  record: TokenRecord,
  request: string,
  publicKeySha256: string,
): Promise<string> {
  if (record.bound !== undefined) {
    if (record.bound.publicKeySha256 === publicKeySha256) return record.bound.certificate;
    throw refused(place, 'the token was already used by another key');
  }
  const now = new Date();
  const authority = await readAuthority(state, 'agent', now);
  const certificate = await issueIdentity(authority, cluster, place, request, now);
  await keepToken(state, { ...record, bound: { publicKeySha256, certificate } });
  return certificate;
}

function refused(place: NodePlace, why: string): Failure {
  return new Failure({
    exit: 'identity',
    what: `${place.name} was not enrolled: ${why}`,
    where: [`${place.address} port ${place.agentPort}`],
    cause: 'a token of another node or cluster, a token used before, or a man in the middle',
    next: newIdentity(place),
  });
}
