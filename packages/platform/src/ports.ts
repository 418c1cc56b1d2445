/**
 * Can this process listen on an address? Asked in preflight, before etcd finds out the hard way. The answer is true
 * only for the moment of asking.
 */
import { createServer } from 'node:net';

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
