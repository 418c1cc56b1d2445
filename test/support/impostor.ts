/** Who an attacker on the wire can be: somebody with a certificate of their own making, an agent, a relay. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority } from '@etcd-agent/pki';
import { dialLink, type LinkChannel, type LinkServer, listenLink } from '@etcd-agent/platform';
import { limits } from '@etcd-agent/protocol';
import type { TestCluster } from './test-cluster.js';
import type { TestNode } from './test-node.js';

/** PEM. */
export interface Papers {
  readonly certificate: string;
  readonly key: string;
}

/** Papers that nobody vouches for. */
export function throwAwayPapers(CN = 'nobody'): Promise<Papers> {
  return createAuthority({
    subject: { CN, names: [] },
    key: { algo: 'ecdsa', size: 256 },
    expiry: '24h',
    now: new Date(),
  });
}

/** The link certificate and key of an enrolled agent, as somebody who took its host over has them. */
export function papersOfAgent(node: TestNode): Papers & { readonly agentCa: string } {
  return JSON.parse(readFileSync(join(node.stateDir, 'identity.json'), 'utf8')) as Papers & {
    agentCa: string;
  };
}

/** The coordinator's own: only a thief has them. */
export function papersOfCoordinator({ stateDir }: TestCluster): Papers {
  const read = (name: string) => readFileSync(join(stateDir, 'link', name), 'utf8');
  return { certificate: read('coordinator.pem'), key: read('coordinator-key.pem') };
}

/** A raw link to `port` of this host: whatever is there is trusted, frames are sent as they are. */
export function dialRaw(
  port: number,
  path: string,
  subprotocol: string,
  papers: Papers,
  frameBytesMax = limits.frameBytesMax,
): Promise<LinkChannel> {
  return dialLink({
    host: '127.0.0.1',
    port,
    path,
    subprotocol,
    certificate: papers.certificate,
    key: papers.key,
    trust: { kind: 'nobody' },
    limits: { ...limits, frameBytesMax, bufferedBytesMax: 4 * frameBytesMax },
  });
}

/** Listens as an agent would, with `papers`, and hands every connection over. */
export function listenRaw(
  port: number,
  subprotocol: string,
  papers: Papers,
  serve: (channel: LinkChannel) => void,
): Promise<LinkServer> {
  return listenLink({
    host: '127.0.0.1',
    port,
    identity: { ...papers, trustedCa: undefined },
    limits,
    admit: () => ({ kind: 'admit', subprotocol, serve }),
  });
}

export interface Relay {
  /** Every frame that went through, in order. */
  readonly frames: string[];
  close(): Promise<void>;
}

/**
 * A man in the middle: ends TLS on `port` with papers of its own, dials `to` with `papers`, and hands every WebSocket
 * frame on unchanged. It cannot show the other side's certificate to either end without the key that belongs to it.
 */
export async function relay(
  port: number,
  to: { readonly port: number; readonly path: string; readonly subprotocol: string },
  papers: Papers,
): Promise<Relay> {
  const frames: string[] = [];
  const server = await listenRaw(port, to.subprotocol, await throwAwayPapers(), (near) => {
    const dialled = dialRaw(to.port, to.path, to.subprotocol, papers);
    dialled.then(
      (far) => {
        near.onClose((code) => far.close(code < 3000 && code !== 1000 ? 1000 : code, ''));
        far.onClose((code) => near.close(code < 3000 && code !== 1000 ? 1000 : code, ''));
        const pass = (into: LinkChannel) => (text: string) => {
          frames.push(text);
          into.send(text);
        };
        near.onFrame(pass(far));
        far.onFrame(pass(near));
      },
      () => near.close(1000, ''),
    );
  });
  return { frames, close: () => server.close() };
}
