/**
 * The dialling end of a link. Every failure comes back as one DialError that says at which stage it ended: name,
 * TCP, TLS, or the other side's own refusal.
 */
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { channelOver, type LinkChannel, type LinkLimits, leafCertificate } from './link-channel.js';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly subprotocol: string;
  /** PEM of the dialling side. */
  readonly certificate: string;
  readonly key: string;
  /**
   * How the listener is to be known. `ca`: its certificate chains to this CA (PEM) and `accept` agrees with the leaf
   * (DER). `nobody`: whoever answers; only for an enrolment, which proves itself by other means.
   */
  readonly trust:
    | { readonly kind: 'ca'; readonly ca: string; readonly accept: (leaf: Buffer) => string | undefined }
    | { readonly kind: 'nobody' };
  readonly limits: LinkLimits;
}

/** Where a dial ended. `refused`: the listener answered with an HTTP status and a reason. */
export type DialStage = 'resolve' | 'connect' | 'tls' | 'identity' | 'refused' | 'timeout';

export class DialError extends Error {
  override readonly name = 'DialError';
  constructor(
    readonly stage: DialStage,
    message: string,
    /** HTTP status, for `refused`. */
    readonly status?: number,
    /** The system's own code, such as ECONNREFUSED. */
    readonly code?: string,
  ) {
    super(message);
  }
}

/** Dials and upgrades. Rejects with DialError. */
export function dialLink(options: DialOptions): Promise<LinkChannel> {
  const { limits, trust } = options;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://${host}:${options.port}${options.path}`, options.subprotocol, {
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      followRedirects: false,
      // Masks keep a script in a browser from writing what a proxy takes for HTTP. Here is neither, all of it is within TLS, and the
      // two loops over every byte are a fifth of a second of CPU for each MiB that is sent (Node 20, --no-opt). Zeros mask nothing.
      generateMask: (mask) => mask.fill(0),
      minVersion: 'TLSv1.3',
      cert: options.certificate,
      key: options.key,
      ...(trust.kind === 'ca' ? { ca: trust.ca } : {}),
      rejectUnauthorized: trust.kind === 'ca',
      // The identity is in a URI of the certificate, not in a host name: `accept` looks at it below.
      // (Node takes undefined for "agreed"; the types of ws say boolean.)
      checkServerIdentity: (() => undefined) as never,
    });
    let socket: TLSSocket | undefined;
    // A timeout of the request would count anew from the moment TCP is connected: twice as long, where a process is stopped.
    const timer = setTimeout(() => {
      fail(new DialError('timeout', `the handshake was not over after ${limits.handshakeMsMax} ms`));
    }, limits.handshakeMsMax);
    const fail = (error: DialError) => {
      clearTimeout(timer);
      reject(error);
      ws.terminate();
    };
    ws.on('upgrade', (response) => {
      socket = response.socket as TLSSocket;
    });
    ws.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        if (chunks.length < 4) chunks.push(chunk);
      });
      response.on('end', () => {
        const reason = Buffer.concat(chunks).toString('utf8').trim().slice(0, 500);
        fail(new DialError('refused', reason || `HTTP status ${response.statusCode}`, response.statusCode));
      });
    });
    ws.on('error', (error: NodeJS.ErrnoException) => fail(asDialError(error)));
    ws.on('open', () => {
      if (socket === undefined) return fail(new DialError('connect', 'the connection has no TLS socket'));
      if (trust.kind === 'ca') {
        const leaf = leafCertificate(socket);
        if (leaf === undefined) return fail(new DialError('connect', 'the other side hung up'));
        const objection = trust.accept(leaf);
        if (objection !== undefined) return fail(new DialError('identity', objection));
      }
      clearTimeout(timer);
      resolve(channelOver(ws, socket, limits));
    });
  });
}

function asDialError(error: NodeJS.ErrnoException): DialError {
  const code = error.code ?? '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new DialError('resolve', error.message, undefined, code);
  if (/^(ECONN|EHOST|ENET|EPIPE|ETIMEDOUT|EADDR)/.test(code)) {
    return new DialError('connect', error.message, undefined, code);
  }
  return new DialError('tls', error.message, undefined, code);
}
