/** Turns what went wrong on the way to an agent into the error that a person needs. */
import { DialError } from '@etcd-agent/platform';
import { Fault, LinkError } from '@etcd-agent/protocol';
import { Failure, type FailureParts } from '../failure.js';
import type { NodePlace } from '../topology/places.js';

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
    case 'identity':
      return {
        exit: 'identity',
        what: `what answers for ${place.name} is not its agent: ${error.message}`,
        cause: 'it is not enrolled in this cluster, its identity was replaced, or something sits in between',
        next: `coordinator token ${place.name}, then etcd-agent enrol --token-file F on that host`,
      };
    case 'refused':
      return {
        exit: 'identity',
        what: `the agent of ${place.name} does not let this coordinator in: ${error.message}`,
        ...(error.status === 403 && /not enrolled/.test(error.message)
          ? { next: `coordinator token ${place.name}, then etcd-agent enrol --token-file F on that host` }
          : {
              cause: 'this coordinator state is not the one the agent was enrolled with',
              next: 'use the state dir that the node was enrolled from',
            }),
      };
  }
}
