/**
 * Every bound of the link in one place. A number that can grow has a unit in its name and a reason beside it.
 */
export const limits = {
  /** One WebSocket message. A full spec of seven nodes with PEM chains is under 64 KiB; this leaves room for event pages. */
  frameBytesMax: 4 * 1024 * 1024,
  /** A TLS handshake and HTTP upgrade on a busy 1-core host take well under a second. */
  handshakeMsMax: 10_000,
  /** An enrolment connection exists for one attempt and nothing else. */
  enrolmentMsMax: 30_000,
  /** How long a refused enrolment is held before it is answered, so that guessing is slow. */
  enrolmentRefusalDelayMs: 1_000,
  /** Coordinators and peers of one cluster, with room for a few stuck sockets; each costs the agent about 100 KiB. */
  connectionsMax: 64,
  /** Requests of one connection that may be running at once. */
  requestsInFlightMax: 32,
  /**
   * Bytes queued on a socket before the connection is given up: the other side does not read. Two of the largest
   * frames, since one alone must never end a link.
   */
  bufferedBytesMax: 8 * 1024 * 1024,
  /** Ping period; two missed answers end the connection. */
  pingMs: 15_000,
  /** A request without its own deadline. Probing and fsync measurement stay below it. */
  requestMsDefault: 20_000,
  /** A certificate request that anybody would sign is about 2 KiB (RSA 4096). */
  requestPemBytesMax: 16 * 1024,
  /** Longest text that an error message carries over the wire. */
  messageCharsMax: 4_000,
} as const;

/** WebSocket close codes of this protocol (4000–4999 is the range for private use, RFC 6455 section 7.4.2). */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  /** Not JSON, or not a JSON-RPC 2.0 message. */
  malformed: 4400,
  /** The certificate does not give a role on this link. */
  unauthenticated: 4401,
  /** An enrolment that was refused; the reason is one fixed word, never a detail. */
  enrolmentRefused: 4403,
  /** Nothing came in time. */
  timeout: 4408,
  /** Too many connections or too much queued. */
  overloaded: 4429,
} as const;

/** WebSocket subprotocols: the version of the wire format is part of the name. */
export const subprotocols = {
  link: 'etcd-agent.link.v1',
  enrolment: 'etcd-agent.enrolment.v1',
} as const;

/** Paths of the two doors of an agent's listener. */
export const linkPaths = { link: '/link', enrolment: '/enrolment' } as const;

/** The port an agent listens on unless it is told otherwise. */
export const agentPortDefault = 2400;
