/**
 * From a node's name to a link, enrolling on the way where a token is out for it. The order matters: an agent that was
 * enrolled but whose confirmation was lost is reached with the certificate that its token is bound to.
 */

import { certificateSha256 } from '@etcd-agent/pki';
import { DialError } from '@etcd-agent/platform';
import { Fault, LinkError } from '@etcd-agent/protocol';
import type { LinkCredentials } from '../authority.js';
import { Failure } from '../failure.js';
import type { StateDir } from '../state/state-dir.js';
import { burnToken, readToken } from '../tokens.js';
import type { NodePlace } from '../topology/places.js';
import { dialNode, type NodeLink } from './dial-node.js';
import { enrolNode } from './enrol-node.js';
import { newIdentity } from './new-identity.js';
import { keepNode, readNode } from './node-records.js';

export interface ReachOptions {
  readonly state: StateDir;
  readonly cluster: string;
  readonly credentials: LinkCredentials;
  /** False for commands that only look: nothing is enrolled and no token burnt. */
  readonly mayEnrol: boolean;
}

/** Throws DialError, LinkError, Fault or Failure: `nodeFailure` makes them readable. */
export async function reachNode(place: NodePlace, options: ReachOptions): Promise<NodeLink> {
  const { state, cluster, credentials } = options;
  const [node, token] = await Promise.all([readNode(state, place.name), readToken(state, place.name)]);
  if (token === undefined || !options.mayEnrol) {
    if (node === undefined) throw notEnrolled(place, token !== undefined);
    return dialNode(place, cluster, credentials, node.certificateSha256);
  }
  // A used token whose burning was cut short: the agent already has the identity.
  if (token.bound !== undefined) {
    const link = await tryDial(place, cluster, credentials, certificateSha256(token.bound.certificate));
    if (link !== undefined) return burnt(state, place, link, token.bound.certificate);
  }
  if (Date.parse(token.token.expiresAt) > Date.now() || token.bound !== undefined) {
    try {
      await enrolNode(state, place, cluster, credentials, token);
      const enrolled = await readNode(state, place.name);
      const link = await dialNode(place, cluster, credentials, enrolled?.certificateSha256);
      return await burnt(state, place, link, enrolled!.certificate);
    } catch (error) {
      // A token made for a node that is enrolled and has not got it yet: the old identity still counts.
      const link =
        node === undefined || !mayStillBeOld(error)
          ? undefined
          : await tryDial(place, cluster, credentials, node.certificateSha256);
      if (link !== undefined) return link;
      throw error instanceof Fault && error.kind === 'refused' ? tokenRefused(place) : error;
    }
  }
  if (node !== undefined) return dialNode(place, cluster, credentials, node.certificateSha256);
  throw new Failure({
    exit: 'identity',
    what: `the join token of ${place.name} expired at ${token.token.expiresAt}`,
    next: newIdentity(place),
  });
}

async function burnt(
  state: StateDir,
  place: NodePlace,
  link: NodeLink,
  certificate: string,
): Promise<NodeLink> {
  const known = await readNode(state, place.name);
  if (known?.certificateSha256 !== link.certificateSha256) {
    await keepNode(state, {
      name: place.name,
      certificate,
      certificateSha256: link.certificateSha256,
      enrolledAt: new Date().toISOString(),
    });
  }
  await burnToken(state, place.name);
  return link;
}

async function tryDial(
  place: NodePlace,
  cluster: string,
  credentials: LinkCredentials,
  fingerprint: string,
): Promise<NodeLink | undefined> {
  try {
    return await dialNode(place, cluster, credentials, fingerprint);
  } catch (error) {
    if (error instanceof DialError || error instanceof LinkError) return undefined;
    throw error;
  }
}

function mayStillBeOld(error: unknown): boolean {
  return (
    error instanceof Fault ||
    error instanceof LinkError ||
    (error instanceof DialError && error.stage === 'refused')
  );
}

function tokenRefused(place: NodePlace): Failure {
  return new Failure({
    exit: 'identity',
    what: `the agent of ${place.name} refused the enrolment`,
    where: [`${place.address} port ${place.agentPort}`],
    cause:
      'it has no join token, an older or expired one, or one of another node or cluster; its log says which',
    next: newIdentity(place),
  });
}

function notEnrolled(place: NodePlace, tokenOut: boolean): Failure {
  return new Failure({
    exit: 'identity',
    what: tokenOut
      ? `${place.name} has a join token but is not enrolled yet`
      : `${place.name} is not enrolled`,
    where: [`${place.address} port ${place.agentPort}`],
    next: tokenOut ? 'coordinator bootstrap enrols it' : newIdentity(place),
  });
}
