/** Turns what went wrong on the way to an agent into the error that a person needs. */
import { DialError } from '@etcd-agent/platform';
import { Fault, LinkError } from '@etcd-agent/protocol';
import { Failure, type FailureParts } from '../failure.js';
import type { NodePlace } from '../topology/places.js';
import { newIdentity } from './new-identity.js';

/** A Failure that names the node, its address, the likely cause and what to do. */
export function nodeFailure(place: NodePlace, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const where = [`${place.name} (${place.address} port ${place.agentPort})`];
  return new Failure({ where, ...partsOf(place, error) }, { cause: error });
}

function partsOf(place: NodePlace, error: unknown): FailureParts {
  if (error instanceof DialError) return dialParts(place, error);
  if (error instanceof LinkError) {
    return {
      exit: 'unreachable',
      what: `the link to ${place.name} failed: ${error.message}`,
      cause: 'the agent or its host went down, or the network between',
      next: 'run the same command again: it goes on from what is true',
    };
  }
  if (error instanceof Fault) {
    return {
      exit: error.kind === 'refused' || error.kind === 'staleGeneration' ? 'refused' : 'failed',
      what: `${place.name} ${error.kind === 'refused' ? 'refused' : 'failed'}: ${error.message}`,
      ...(error.hint === undefined ? {} : { next: error.hint }),
    };
  }
  return { exit: 'failed', what: `${place.name}: ${error instanceof Error ? error.message : String(error)}` };
}

function dialParts(place: NodePlace, error: DialError): FailureParts {
  switch (error.stage) {
    case 'resolve':
    case 'connect':
    case 'timeout':
      return {
        exit: 'unreachable',
        what: `the agent of ${place.name} cannot be reached: ${error.message || error.code}`,
        cause:
          error.code === 'ECONNREFUSED'
            ? 'etcd-agent is not running there, or listens on another port'
            : 'the host is down, the address is wrong, or a firewall drops the port',
        next: `on ${place.name}: systemctl status etcd-agent; then run the same command again`,
      };
    case 'tls':
      return tlsParts(place, error);
    case 'identity':
      return {
        exit: 'identity',
        what: `what answers for ${place.name} is not its agent: ${error.message}`,
        cause: 'its identity was replaced, another node has its address, or something sits in between',
        next: newIdentity(place),
      };
    case 'refused':
      return {
        exit: 'identity',
        what: `the agent of ${place.name} does not let this coordinator in: ${error.message}`,
        ...(error.status === 403 && /not enrolled/.test(error.message)
          ? { next: newIdentity(place) }
          : {
              cause: 'this coordinator state is not the one the agent was enrolled with',
              next: 'use the state dir that the node was enrolled from',
            }),
      };
  }
}

/** OpenSSL's names for a certificate that does not chain to our CA; an agent without identity shows such a one. */
const foreignCertificate =
  /^(INVALID_PURPOSE|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|CERT_SIGNATURE_FAILURE|UNABLE_TO_.*)$/;

function tlsParts(place: NodePlace, error: DialError): FailureParts {
  const { code = '', message } = error;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const state = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet';
    return {
      exit: 'identity',
      what: `the certificate of ${place.name}'s agent ${state}`,
      cause: 'its time is over, or the clock of this host is wrong',
      next: `compare date -u here and on ${place.name}; for a new certificate: ${newIdentity(place)}`,
    };
  }
  if (foreignCertificate.test(code)) {
    return {
      exit: 'identity',
      what: `what answers for ${place.name} shows a certificate that is not of this cluster's agent CA (${message})`,
      cause:
        'the agent there is not enrolled (or no longer), belongs to another cluster, or something sits in between',
      next: newIdentity(place),
    };
  }
  return {
    exit: 'identity',
    what: `what answers for ${place.name} is not its agent: ${message}`,
    cause: 'another program listens there, or something sits in between',
    next: `on ${place.name}: ss -ltnp sport = :${place.agentPort}`,
  };
}
