/**
 * Trying to reach the other nodes' doors from this host, all at once, as etcd and the agents will have to.
 */
import { connect } from 'node:net';
import { certificatePem, readCertificate } from '@etcd-agent/pki';
import { DialError, dialLink, plainAddress } from '@etcd-agent/platform';
import {
  type AgentMethods,
  agentMethods,
  callOver,
  closeCodes,
  identityOf,
  limits,
  linkPaths,
  type ProbeResult,
  type ProbeTarget,
  subprotocols,
} from '@etcd-agent/protocol';
import type { StoredIdentity } from '../store.js';
import type { ProbeGreeting } from './preflight.js';

/** Within a data centre a connection takes milliseconds; a dropped SYN is sent again after one second. */
const probeMsMax = 3_000;

type Outcome = ProbeResult['outcome'];

/** One result per target, in the order of the targets. Never rejects. */
export function probeAll(
  identity: StoredIdentity,
  nonce: string,
  targets: readonly ProbeTarget[],
): Promise<ProbeResult[]> {
  return Promise.all(
    targets.map(async (target) => {
      const began = performance.now();
      const outcome =
        target.door === 'agent' ? await probeAgent(identity, target) : await probePort(nonce, target);
      return { target, outcome, ms: Math.round((performance.now() - began) * 10) / 10 };
    }),
  );
}

/** Over the link, with certificates on both sides: as agents will ask each other later. */
async function probeAgent(identity: StoredIdentity, target: ProbeTarget): Promise<Outcome> {
  try {
    const channel = await dialLink({
      ...target.endpoint,
      path: linkPaths.link,
      subprotocol: subprotocols.link,
      certificate: identity.certificate,
      key: identity.key,
      trust: {
        kind: 'ca',
        ca: identity.agentCa,
        accept: (leaf) => {
          const found = identityOf(readCertificate(certificatePem(leaf)).uris);
          const right =
            found?.role === 'agent' && found.cluster === identity.cluster && found.name === target.node;
          return right
            ? undefined
            : `the agent there is ${found?.name ?? 'of no cluster'}, not ${target.node}`;
        },
      },
      limits: { ...limits, handshakeMsMax: probeMsMax },
    });
    const answer = await callOver<AgentMethods>(channel, agentMethods).call('peer.whoami', {}, probeMsMax);
    channel.close(closeCodes.normal, '');
    return { kind: 'reached', sourceAddress: answer.sourceAddress };
  } catch (error) {
    const why = error instanceof DialError ? `${error.stage}: ${error.message}` : (error as Error).message;
    return { kind: 'failed', why };
  }
}

/** A bare TCP connection: a temporary listener answers with its greeting, an etcd that already runs says nothing. */
function probePort(nonce: string, target: ProbeTarget): Promise<Outcome> {
  return new Promise((resolve) => {
    const { host, port } = target.endpoint;
    const socket = connect({ host, port });
    let text = '';
    let connected = false;
    const finish = (outcome: Outcome) => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(probeMsMax, () =>
      finish(connected ? { kind: 'connected' } : failed(`no answer in ${probeMsMax} ms`)),
    );
    socket.on('connect', () => {
      connected = true;
      // A running etcd waits for a TLS hello that never comes: it was reached, and that is all there is to know.
      socket.setTimeout(500);
    });
    socket.on('data', (chunk) => {
      text = (text + chunk.toString('utf8')).slice(0, 1024);
    });
    socket.on('error', (error) => finish(connected ? { kind: 'connected' } : failed(error.message)));
    socket.on('end', () => finish(readGreeting(text, nonce)));
  });
}

function readGreeting(text: string, nonce: string): Outcome {
  try {
    const greeting = JSON.parse(text) as ProbeGreeting;
    if (greeting.nonce === nonce && typeof greeting.sourceAddress === 'string') {
      return { kind: 'reached', sourceAddress: plainAddress(greeting.sourceAddress) };
    }
    return failed('another program listens there: it does not know the nonce of this preflight');
  } catch {
    return { kind: 'connected' };
  }
}

function failed(why: string): Outcome {
  return { kind: 'failed', why };
}
