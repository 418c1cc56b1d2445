/**
 * Public keys that come from elsewhere, let in only in the one form in which this product uses them.
 */
import crypto from 'node:crypto';
import { describeKey, type KeyRequest, keyRequestOf, supportedKinds } from './key.js';
import { PkiError, type PkiErrorCode } from './pki-error.js';

const publicExponent = 65_537n;

/**
 * Reads a DER SubjectPublicKeyInfo. Refused with `code` and `what` in the message: a kind or size not in use, an RSA
 * exponent other than 65537, and any encoding but the plain one (uncompressed point, named curve): Go, and with it
 * etcd, cannot read the others, and one key must have one fingerprint.
 */
export function readPublicKey(
  spki: Buffer,
  what: string,
  code: PkiErrorCode,
): { publicKey: crypto.KeyObject; key: KeyRequest } {
  const publicKey = attempt(
    () => crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    what,
    code,
  );
  const key = keyRequestOf(publicKey);
  if (key === undefined)
    throw new PkiError(code, `${what} is for a key ${describeKey(publicKey)}; ${supportedKinds}`);
  const exponent = publicKey.asymmetricKeyDetails?.publicExponent;
  if (exponent !== undefined && exponent !== publicExponent) {
    throw new PkiError(
      code,
      `${what} is for an RSA key with public exponent ${exponent}; only ${publicExponent} is accepted`,
    );
  }
  // Through JWK and back, a key comes out in its plain encoding.
  const plain = attempt(
    () => crypto.createPublicKey({ key: publicKey.export({ format: 'jwk' }), format: 'jwk' }),
    what,
    code,
  );
  if (!plain.export({ type: 'spki', format: 'der' }).equals(spki)) {
    throw new PkiError(code, `${what} holds a public key in an unusual encoding, such as a compressed point`);
  }
  return { publicKey, key };
}

function attempt(read: () => crypto.KeyObject, what: string, code: PkiErrorCode): crypto.KeyObject {
  try {
    return read();
  } catch (cause) {
    throw new PkiError(code, `${what} holds a public key that cannot be read`, { cause });
  }
}
