/**
 * Opens the etcd3 library: one client, one endpoint, nothing repeated behind the caller's back. By default it retries three
 * times, even writes, and sends calls to a random host. It is loaded on first use, because it parses its .proto files when
 * it is loaded.
 */
import type { Etcd3, IOptions } from 'etcd3';
import { EtcdError } from './admin.js';

/** How to reach one etcd endpoint. The PEM texts are fixed for the connection: reconnect after a renewal. */
export interface EtcdConnection {
  /** "https://host:port"; the host, name or IP, must be in the server's certificate. */
  readonly endpoint: string;
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string;
  /** PEM of the client certificate, and of its key. */
  readonly cert: string;
  readonly key: string;
  /** Longest that any one call may take, in milliseconds, connecting included. */
  readonly deadlineMs: number;
}

/** Channel settings: an etcd that is just starting is polled, so a failed dial is tried again soon. */
const channelOptions: NonNullable<IOptions['grpcOptions']> = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // etcd closes connections that ping more often than every 5 s, or that ping while no call is under way.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 0,
  'grpc.enable_retries': 0,
  // A proxy from the environment must never sit between an agent and its etcd.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** The library's client for exactly that endpoint; throws as `connectEtcd` says. `more` are settings of its channel. */
export async function openEtcd3(
  connection: EtcdConnection,
  more: NonNullable<IOptions['grpcOptions']> = {},
): Promise<Etcd3> {
  assertConnection(connection);
  // It is CommonJS: only its default export is there in a bundle too.
  const { Etcd3 } = (await import('etcd3')).default;
  const { endpoint, deadlineMs } = connection;
  try {
    return new Etcd3({
      hosts: endpoint,
      credentials: {
        rootCertificate: Buffer.from(connection.ca),
        certChain: Buffer.from(connection.cert),
        privateKey: Buffer.from(connection.key),
      },
      grpcOptions: { ...channelOptions, ...more },
      // A function, because a deadline is a moment in time and would otherwise be computed once.
      defaultCallOptions: () => ({ deadline: Date.now() + deadlineMs }),
      faultHandling: { global: sendOnce, host: () => sendOnce },
    });
  } catch (cause) {
    throw new EtcdError('tls', endpoint, `the certificates cannot be used: ${String(cause)}`, cause);
  }
}

/** Replaces the library's retry and circuit breaker: a call is sent once and its failure is the caller's to judge. */
type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;
const sendOnce = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown, signal?: AbortSignal) =>
    call({ signal: signal ?? new AbortController().signal }),
  onSuccess: () => ({ dispose: () => {} }),
  onFailure: () => ({ dispose: () => {} }),
} as unknown as FaultPolicy;

function assertConnection({ endpoint, deadlineMs }: EtcdConnection): void {
  if (!/^https:\/\/[^/?#@\s]+:\d+$/.test(endpoint)) {
    throw new RangeError(`an etcd endpoint is https://host:port, not ${JSON.stringify(endpoint)}`);
  }
  if (!Number.isFinite(deadlineMs) || deadlineMs <= 0) {
    throw new RangeError(`deadlineMs must be positive, not ${deadlineMs}`);
  }
}
