/**
 * Who may come in: the listener's two doors, and the role that a certificate gives. Everything behind the link door is
 * decided by role and method; nothing is decided by what a message says of its sender.
 */
import { certificatePem, createAuthority, readCertificate } from '@etcd-agent/pki';
import {
  type Admission,
  type Arrival,
  type LinkChannel,
  type LinkServer,
  listenLink,
  plainAddress,
  type ServerIdentity,
} from '@etcd-agent/platform';
import {
  type CallerRole,
  callerRole,
  identityOf,
  limits,
  linkPaths,
  subprotocols,
} from '@etcd-agent/protocol';
import { hostOf, portOf } from './config.js';
import { serveEnrolment } from './enrolment.js';
import type { AgentHost } from './host.js';
import type { Alone } from './one-at-a-time.js';
import type { StoredIdentity } from './store.js';

/** Enrolments that may be under way at once; more are turned away at the door. */
const enrolmentsMax = 4;

/** An admitted caller. */
export interface Caller {
  readonly role: CallerRole;
  readonly name: string;
  readonly channel: LinkChannel;
}

export interface Door {
  readonly port: number;
  /** Callers that were turned away since start, by reason; for the status and later counters. */
  readonly refused: ReadonlyMap<string, number>;
  /** Fingerprints of the agent certificates that are current by the spec, by node; undefined before there is a spec. */
  trustPeers(fingerprints: ReadonlyMap<string, string> | undefined): void;
  close(): Promise<void>;
}

export interface DoorEvents {
  serve(caller: Caller): void;
  onEnrolled(identity: StoredIdentity): void;
}

export async function openDoor(
  host: AgentHost,
  stored: StoredIdentity | undefined,
  alone: Alone,
  events: DoorEvents,
): Promise<Door> {
  const { config, log } = host;
  let identity = stored;
  let peers: ReadonlyMap<string, string> | undefined;
  let enrolments = 0;
  const refused = new Map<string, number>();

  const server: LinkServer = await listenLink({
    host: hostOf(config.listen),
    port: portOf(config.listen),
    identity: identity === undefined ? await throwAwayIdentity(host) : shown(identity),
    limits,
    admit: (arrival) => {
      const admission =
        arrival.path === linkPaths.enrolment ? admitToEnrolment(arrival) : admitToLink(arrival);
      if (admission.kind === 'refuse') count(arrival, admission.reason);
      return admission;
    },
  });

  return {
    port: server.port,
    refused,
    trustPeers: (fingerprints) => {
      peers = fingerprints;
    },
    close: () => server.close(),
  };

  function admitToLink(arrival: Arrival): Admission {
    if (arrival.path !== linkPaths.link)
      return { kind: 'refuse', status: 404, reason: 'there is nothing here' };
    if (identity === undefined) {
      return { kind: 'refuse', status: 403, reason: 'this agent is not enrolled yet: it needs a join token' };
    }
    if (arrival.verified.kind === 'no' || arrival.certificate === undefined) {
      const why = arrival.verified.kind === 'no' ? arrival.verified.why : 'none';
      return {
        kind: 'refuse',
        status: 401,
        reason: `the client certificate is not of this cluster's agent CA (${why})`,
      };
    }
    const certificate = readCertificate(certificatePem(arrival.certificate));
    const claimed = identityOf(certificate.uris);
    const role = callerRole(claimed, identity.cluster);
    if (role === undefined || claimed === undefined) {
      return {
        kind: 'refuse',
        status: 403,
        reason: `the client certificate gives no role in cluster ${identity.cluster}`,
      };
    }
    if (role === 'peer' && peers !== undefined && peers.get(claimed.name) !== certificate.fingerprint256) {
      return {
        kind: 'refuse',
        status: 403,
        reason: `the certificate of ${claimed.name} is not its current one`,
      };
    }
    return {
      kind: 'admit',
      subprotocol: subprotocols.link,
      serve: (channel) => events.serve({ role, name: claimed.name, channel }),
    };
  }

  function admitToEnrolment(_arrival: Arrival): Admission {
    if (enrolments >= enrolmentsMax) {
      return {
        kind: 'refuse',
        status: 429,
        reason: 'too many enrolments are under way: try again in half a minute',
      };
    }
    return {
      kind: 'admit',
      subprotocol: subprotocols.enrolment,
      serve: (channel) => {
        enrolments += 1;
        channel.onClose(() => {
          enrolments -= 1;
        });
        serveEnrolment(host, channel, alone, {
          onEnrolled: (enrolled) => {
            identity = enrolled;
            server.replaceIdentity(shown(enrolled));
            log.info({ cluster: enrolled.cluster, node: enrolled.node }, 'enrolled');
            events.onEnrolled(enrolled);
          },
          onRefused: (remoteAddress, why) => {
            refused.set('enrolment', (refused.get('enrolment') ?? 0) + 1);
            log.warn({ remoteAddress, why }, 'enrolment refused');
          },
        });
      },
    };
  }

  function count(arrival: Arrival, reason: string): void {
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
    log.warn(
      { remoteAddress: plainAddress(arrival.remoteAddress), path: arrival.path, reason },
      'turned away',
    );
  }
}

function shown({ certificate, key, agentCa }: StoredIdentity): ServerIdentity {
  return { certificate, key, trustedCa: agentCa };
}

/** TLS needs some certificate; until the enrolment this one says nothing and nobody is asked to trust it. */
async function throwAwayIdentity(host: AgentHost): Promise<ServerIdentity> {
  const authority = await createAuthority({
    subject: { CN: 'etcd-agent without identity', names: [] },
    key: { algo: 'ecdsa', size: 256 },
    expiry: '87600h',
    now: host.clock.now(),
  });
  return { ...authority, trustedCa: undefined };
}
