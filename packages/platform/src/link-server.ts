/**
 * The listening end of a link: HTTPS with TLS 1.3 and a client certificate, upgraded to a WebSocket where the owner
 * admits it. Who may come in is the owner's decision; this file only carries it out.
 */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { channelOver, type LinkChannel, type LinkLimits, leafCertificate } from './link-channel.js';

/** What the listener shows and trusts; replaced as a whole when the identity changes. PEM. */
export interface ServerIdentity {
  readonly certificate: string;
  readonly key: string;
  /** Clients are checked against it; the outcome is in `Arrival.verified`. Undefined: nothing verifies. */
  readonly trustedCa: string | undefined;
}

/** Somebody knocks: what is known before the upgrade is answered. */
export interface Arrival {
  readonly path: string;
  readonly remoteAddress: string;
  /** The TLS stack found the client certificate to chain to `trustedCa` and in date, or why not. */
  readonly verified: { readonly kind: 'yes' } | { readonly kind: 'no'; readonly why: string };
  /** DER of the client's leaf certificate. */
  readonly certificate: Buffer | undefined;
}

export type Admission =
  | { readonly kind: 'admit'; readonly subprotocol: string; readonly serve: (channel: LinkChannel) => void }
  /** `reason` is sent to the client as text and must hold nothing secret. */
  | { readonly kind: 'refuse'; readonly status: 401 | 403 | 404 | 429; readonly reason: string };

export interface LinkServer {
  readonly port: number;
  replaceIdentity(identity: ServerIdentity): void;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly identity: ServerIdentity;
  readonly limits: LinkLimits;
  readonly admit: (arrival: Arrival) => Admission;
}

/** Listens; rejects with the socket's own error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
export async function listenLink(options: ListenOptions): Promise<LinkServer> {
  const { limits } = options;
  const server = createServer({
    ...contextOf(options.identity),
    minVersion: 'TLSv1.3',
    requestCert: true,
    // Checked below, where the refusal can say why; nothing is served to an unverified client but that answer.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMsMax,
    headersTimeout: limits.handshakeMsMax,
    requestTimeout: limits.handshakeMsMax,
    maxHeaderSize: 8 * 1024,
  });
  server.maxConnections = limits.connectionsMax;
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    clientTracking: true,
    handleProtocols: (offered, request) => {
      const wanted = admitted.get(request);
      return wanted !== undefined && offered.has(wanted) ? wanted : false;
    },
  });
  const admitted = new WeakMap<IncomingMessage, string>();

  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close' }).end('This port speaks WebSocket only.\n');
  });
  server.on('upgrade', (request, stream, head) => {
    const socket = stream as TLSSocket;
    socket.on('error', () => socket.destroy());
    const admission = options.admit(arrivalOf(request, socket));
    if (admission.kind === 'refuse') {
      refuse(socket, admission.status, admission.reason);
      return;
    }
    if (!offers(request, admission.subprotocol)) {
      refuse(socket, 401, `this agent speaks ${admission.subprotocol}: are both sides of the same version?`);
      return;
    }
    admitted.set(request, admission.subprotocol);
    sockets.handleUpgrade(request, socket, head, (ws) => admission.serve(channelOver(ws, socket, limits)));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    replaceIdentity: (identity) => server.setSecureContext(contextOf(identity)),
    close: () =>
      new Promise((resolve) => {
        for (const ws of sockets.clients) ws.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function contextOf(identity: ServerIdentity) {
  return {
    cert: identity.certificate,
    key: identity.key,
    // An empty list would mean the public roots: an identity without a CA trusts itself, that is nobody.
    ca: identity.trustedCa ?? identity.certificate,
    minVersion: 'TLSv1.3' as const,
  };
}

function arrivalOf(request: IncomingMessage, socket: TLSSocket): Arrival {
  const certificate = leafCertificate(socket);
  return {
    path: request.url ?? '/',
    remoteAddress: socket.remoteAddress ?? '',
    verified: socket.authorized
      ? { kind: 'yes' }
      : { kind: 'no', why: String(socket.authorizationError ?? 'no client certificate') },
    certificate,
  };
}

function offers(request: IncomingMessage, subprotocol: string): boolean {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header.split(',').some((name) => name.trim() === subprotocol);
}

const phrases = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
} as const;

function refuse(socket: Duplex, status: keyof typeof phrases, reason: string): void {
  const body = `${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${phrases[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
