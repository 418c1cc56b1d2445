/**
 * A WebSocket as a channel of text frames, with what every link needs: pings, a bound on what is queued, and early
 * frames kept until somebody listens.
 */
import type { TLSSocket } from 'node:tls';
import type { WebSocket } from 'ws';

/** Bounds that the owner of the protocol hands in. All times in milliseconds, sizes in bytes. */
export interface LinkLimits {
  readonly frameBytesMax: number;
  readonly handshakeMsMax: number;
  readonly bufferedBytesMax: number;
  readonly connectionsMax: number;
  readonly pingMs: number;
}

/** One established connection. */
export interface LinkChannel {
  /** DER of the other side's leaf certificate; undefined where it sent none. */
  readonly peerCertificate: Buffer | undefined;
  /** The address the other side came from, or was reached at. */
  readonly remoteAddress: string;
  /** Keying material of this very TLS connection (RFC 5705). */
  exportKey(label: string, bytes: number): Buffer;
  send(text: string): void;
  onFrame(listener: (text: string) => void): void;
  onClose(listener: (code: number, reason: string) => void): void;
  close(code: number, reason: string): void;
}

// Codes that a WebSocket may not send itself (RFC 6455 section 7.4.1), as seen by a local close.
const abnormal = 1006;
const overloaded = 4429;

/** Wraps an open WebSocket over `socket`. */
export function channelOver(ws: WebSocket, socket: TLSSocket, limits: LinkLimits): LinkChannel {
  const early: string[] = [];
  let frame = (text: string): void => void early.push(text);
  let ended: { code: number; reason: string } | undefined;
  const closeListeners: ((code: number, reason: string) => void)[] = [];

  ws.on('message', (data, isBinary) => {
    // A binary frame is no text of ours: hand on something that no decoder accepts.
    frame(isBinary ? '' : data.toString());
  });
  // An error is always followed by 'close', which carries the code.
  let lastError = '';
  ws.on('error', (error) => {
    lastError = error.message;
  });
  ws.on('close', (code, reason) => {
    clearInterval(pinger);
    ended = { code, reason: reason.toString() || (code === abnormal ? lastError : '') };
    for (const listener of closeListeners) listener(ended.code, ended.reason);
  });

  let missed = 0;
  ws.on('pong', () => {
    missed = 0;
  });
  const pinger = setInterval(() => {
    if (missed >= 2) {
      ws.terminate();
      return;
    }
    missed += 1;
    if (ws.readyState === ws.OPEN) ws.ping();
  }, limits.pingMs);
  pinger.unref();

  const certificate = leafCertificate(socket);
  return {
    peerCertificate: certificate,
    remoteAddress: plainAddress(socket.remoteAddress ?? ''),
    exportKey: (label, bytes) => socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0)),
    send(text) {
      if (ws.readyState !== ws.OPEN) return;
      ws.send(text);
      if (ws.bufferedAmount > limits.bufferedBytesMax) {
        ws.close(overloaded, 'the other side does not read');
        ws.terminate();
      }
    },
    onFrame(listener) {
      frame = listener;
      for (const text of early.splice(0)) listener(text);
    },
    onClose(listener) {
      if (ended !== undefined) listener(ended.code, ended.reason);
      else closeListeners.push(listener);
    },
    close(code, reason) {
      ws.close(code, reason.slice(0, 120));
    },
  };
}

/** An IPv4 address that a dual-stack socket shows as `::ffff:1.2.3.4` is told as `1.2.3.4`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** DER of the other side's leaf; undefined where it sent none, and where it has hung up already. */
export function leafCertificate(socket: TLSSocket): Buffer | undefined {
  // Node answers null for a socket that is gone, whatever its types say.
  return (socket.getPeerCertificate() as { raw?: Buffer } | null)?.raw;
}
