/**
 * The mutual proof of an enrolment. Both sides know the token's secret; neither sends it. The key is bound to
 * the TLS connection through its exporter (RFC 5705, RFC 8446 section 7.5), so a proof taken from one connection is
 * worth nothing on another, and each direction has its own label, so an echo proves nothing either.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** The exporter label; both ends ask their own TLS socket for it. */
export const exporterLabel = 'EXPORTER-etcd-agent-enrolment-v1';
/** Bytes of exported keying material. */
export const exporterBytes = 32;

const info = 'etcd-agent enrolment v1';

export interface ProofContext {
  readonly cluster: string;
  readonly node: string;
}

/**
 * K = HKDF-SHA256(secret, salt = exporter of this very connection). `secret` as in the token; throws a RangeError
 * where one of the two has not its full length.
 */
export function enrolmentKey(secret: string, exporter: Uint8Array): Uint8Array {
  const secretBytes = Buffer.from(secret, 'base64url');
  if (secretBytes.length !== 16) throw new RangeError('the secret has the wrong length');
  if (exporter.length !== exporterBytes) throw new RangeError('exporter has the wrong length');
  return new Uint8Array(hkdfSync('sha256', secretBytes, exporter, info, 32));
}

/** What the coordinator shows first: it knows the secret and means this cluster, this node and this agent CA. */
export function coordinatorProof(key: Uint8Array, context: ProofContext, agentCaSha256: string): string {
  return hmac(key, ['coordinator', context.cluster, context.node, agentCaSha256]);
}

/** What the agent shows then: it knows the secret and the request carries its own public key (SHA-256 of the SPKI, hex). */
export function agentProof(key: Uint8Array, context: ProofContext, publicKeySha256: string): string {
  return hmac(key, ['agent', context.cluster, context.node, publicKeySha256]);
}

/** Constant-time comparison of two proofs (hex). */
export function proofsEqual(left: string, right: string): boolean {
  const a = Buffer.from(left, 'hex');
  const b = Buffer.from(right, 'hex');
  return a.length === 32 && b.length === 32 && timingSafeEqual(a, b);
}

// Each part is preceded by its length, so that no two lists of parts give the same bytes.
function hmac(key: Uint8Array, parts: readonly string[]): string {
  const mac = createHmac('sha256', key);
  for (const part of parts) {
    const bytes = Buffer.from(part, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    mac.update(length).update(bytes);
  }
  return mac.digest('hex');
}
