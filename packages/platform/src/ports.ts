/**
 * Can this process listen on an address, and does somebody? The answers are true only for the moment of asking. To wait
 * for another process to listen, only the second will do: the first would take the port from it for an instant.
 */
import { type AddressInfo, connect, createServer } from 'node:net';

export type ListenProbe =
  | { readonly kind: 'free' }
  /** Another socket listens there (also one on the wildcard address of the same port). */
  | { readonly kind: 'inUse' }
  /** The address is not one of this host's. */
  | { readonly kind: 'notLocal' }
  /** This user may not (a port below 1024 without the right). */
  | { readonly kind: 'denied' }
  | { readonly kind: 'other'; readonly code: string; readonly message: string };

/** Listens on `host`:`port` for an instant. `host` is an IP address without brackets. Never rejects. */
export function probeListen(host: string, port: number): Promise<ListenProbe> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(verdict(error)));
    // Somebody may connect in that instant; they get nothing.
    server.on('connection', (socket) => socket.destroy());
    try {
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve({ kind: 'free' })));
    } catch (error) {
      resolve(verdict(error as NodeJS.ErrnoException));
    }
  });
}

/** True when a TCP connection to `host`:`port` is accepted within `timeoutMs`; it is closed at once. Never rejects. */
export function acceptsConnections(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const finish = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}

/**
 * Ports of 127.0.0.1 that nobody listens on. Somebody may take one before its user does: then that one tries again with
 * others.
 */
export async function freeLoopbackPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once('error', reject);
            server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () =>
              resolve((server.address() as AddressInfo).port),
            );
          }),
      ),
    );
  } finally {
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
}

function verdict(error: NodeJS.ErrnoException): ListenProbe {
  switch (error.code) {
    case 'EADDRINUSE':
      return { kind: 'inUse' };
    case 'EADDRNOTAVAIL':
      return { kind: 'notLocal' };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'denied' };
    default:
      return { kind: 'other', code: error.code ?? 'UNKNOWN', message: error.message };
  }
}
