/**
 * Telling apart why an etcd call failed, from the errors of the etcd3 library and the gRPC channel below it. The library
 * drops gRPC's status code when it casts an error, but keeps the text, which begins with that code; etcd's own reasons
 * are told by their texts on every client.
 */
import type { EtcdErrorKind } from './admin.js';
import { EtcdError } from './admin.js';

/** Wraps whatever an etcd3 call threw. An EtcdError passes unchanged. */
export function toEtcdError(endpoint: string, cause: unknown): EtcdError {
  if (cause instanceof EtcdError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new EtcdError(kindOf(text), endpoint, text, cause);
}

/** Runs an etcd3 call; what it throws is an EtcdError. */
export async function asEtcdError<T>(endpoint: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toEtcdError(endpoint, error);
  }
}

/** gRPC status codes that are told apart here. */
const grpcCode = {
  cancelled: 1,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unavailable: 14,
  unauthenticated: 16,
};

function kindOf(text: string): EtcdErrorKind {
  const code = Number(/^(\d{1,2}) [A-Z_]+:/.exec(text)?.[1] ?? Number.NaN);
  if (/etcdserver: /.test(text)) return kindOfServerReply(text);
  switch (code) {
    case grpcCode.deadlineExceeded:
      // Without a connection nothing was sent, so it is known that nothing happened.
      return neverConnected.test(text) ? 'unreachable' : 'deadline';
    case grpcCode.permissionDenied:
    case grpcCode.unauthenticated:
      return 'permissionDenied';
    case grpcCode.resourceExhausted:
      return /larger than max/.test(text) ? 'tooLarge' : 'other';
    case grpcCode.unavailable:
      return tlsTrouble.test(text) ? 'tls' : 'unreachable';
    case grpcCode.cancelled:
      return 'unreachable';
    default:
      // etcd 3.4 without quorum sends its own expired context as it is, with gRPC's code for "unknown".
      return /context deadline exceeded/.test(text) ? 'deadline' : 'other';
  }
}

/** etcd answered, with one of its own reasons; the first pattern that fits counts. */
function kindOfServerReply(text: string): EtcdErrorKind {
  return serverReplies.find(([pattern]) => pattern.test(text))?.[1] ?? 'other';
}

const serverReplies: readonly (readonly [RegExp, EtcdErrorKind])[] = [
  [/etcdserver: (no leader|leader changed)/, 'noLeader'],
  [
    /etcdserver: (unhealthy cluster|re-configuration failed due to not enough started members)/,
    'unhealthyCluster',
  ],
  [/etcdserver: request timed out/, 'deadline'],
  [/etcdserver: can only promote a learner member which is in sync with leader/, 'notReady'],
  [/etcdserver: (member not found|bad leader transferee)/, 'notFound'],
  [
    /etcdserver: (Peer URLs already exists|member ID already exist|too many learner members|can only promote a learner member)/,
    'conflict',
  ],
  [/etcdserver: not leader/, 'notLeader'],
  [/etcdserver: rpc not supported for learner/, 'learner'],
  [/etcdserver: mvcc: required revision is a future revision/, 'futureRevision'],
  [/etcdserver: mvcc: required revision has been compacted/, 'compacted'],
  [/etcdserver: (mvcc: database space exceeded|corrupt cluster)/, 'alarmed'],
  // The user is the CN of the client certificate while etcd's access control is on.
  [/etcdserver: (permission denied|user name (is empty|not found)|invalid auth token)/, 'permissionDenied'],
  [/etcdserver: server stopped/, 'unreachable'],
];

/** gRPC's text names the remote address once a call has been given a connection; etcd's own deadlines read otherwise. */
const neverConnected = /Deadline exceeded after(?!.*remote_addr=)/;

/** What Node's TLS says when either side refuses the other's certificate or protocol. */
const tlsTrouble =
  /certificate|altnames|self[- ]signed|unable to (verify|get)|alert|SSL routines|wrong version number|EPROTO|CERT_|ERR_TLS/i;
