/**
 * Keys: which kinds this product uses, how they are made, and what a key that came from elsewhere is.
 */
import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { PkiError } from './pki-error.js';

/** cfssl's `key` object, `size` in bits. Only these kinds are made and accepted. */
export type KeyRequest =
  | { readonly algo: 'rsa'; readonly size: 2048 | 3072 | 4096 }
  | { readonly algo: 'ecdsa'; readonly size: 256 | 384 };

export const keyRequests: readonly KeyRequest[] = [
  { algo: 'rsa', size: 2048 },
  { algo: 'rsa', size: 3072 },
  { algo: 'rsa', size: 4096 },
  { algo: 'ecdsa', size: 256 },
  { algo: 'ecdsa', size: 384 },
];

const curveOfSize = { 256: 'prime256v1', 384: 'secp384r1' } as const;
const generateKeyPair = promisify(crypto.generateKeyPair);

/**
 * A new private key as PEM in the form cfssl writes: PKCS#1 "RSA PRIVATE KEY" or SEC1 "EC PRIVATE KEY", unencrypted.
 * Made off the event loop; RSA 4096 takes 1 to 7 seconds of CPU, P-256 about 10 ms.
 */
export async function generateKey(request: KeyRequest): Promise<string> {
  switch (request.algo) {
    case 'rsa': {
      if (!isSupported(request)) throw unsupported(request);
      const { privateKey } = await generateKeyPair('rsa', { modulusLength: request.size });
      return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    }
    case 'ecdsa': {
      if (!isSupported(request)) throw unsupported(request);
      const { privateKey } = await generateKeyPair('ec', { namedCurve: curveOfSize[request.size] });
      return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    }
    default:
      throw unsupported(request);
  }
}

/** Reads a private key PEM (PKCS#1, SEC1 or PKCS#8). Throws PkiError `badKey`; the message shows nothing of the key. */
export function readPrivateKey(pem: string): crypto.KeyObject {
  let key: crypto.KeyObject;
  try {
    key = crypto.createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: no part of a private key may travel with an error.
    throw new PkiError(
      'badKey',
      'the private key cannot be read: it is damaged, encrypted, or not a PEM private key',
    );
  }
  const kind = keyRequestOf(key);
  if (kind === undefined)
    throw new PkiError('badKey', `the private key is ${describeKey(key)}; ${supportedKinds}`);
  return key;
}

/** Whether {@link readPrivateKey} would take it. */
export function isPrivateKey(pem: string): boolean {
  try {
    readPrivateKey(pem);
    return true;
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
}

/** What a key is in cfssl's words, or undefined for a kind that this product does not use. */
export function keyRequestOf(key: crypto.KeyObject): KeyRequest | undefined {
  const details = key.asymmetricKeyDetails ?? {};
  return keyRequests.find((request) =>
    request.algo === 'rsa'
      ? key.asymmetricKeyType === 'rsa' && details.modulusLength === request.size
      : key.asymmetricKeyType === 'ec' && details.namedCurve === curveOfSize[request.size],
  );
}

/** The kind and size of any key, for a message: "RSA 1024", "ED25519", "EC secp521r1". */
export function describeKey(key: crypto.KeyObject): string {
  const type = (key.asymmetricKeyType ?? 'of an unknown kind').toUpperCase();
  const size = key.asymmetricKeyDetails?.modulusLength ?? key.asymmetricKeyDetails?.namedCurve;
  return size === undefined ? type : `${type} ${size}`;
}

export const supportedKinds = 'supported are RSA 2048, 3072 and 4096, ECDSA P-256 and P-384';

/** Lower-case hex SHA-256 over the DER SubjectPublicKeyInfo. */
export function publicKeySha256(key: crypto.KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' });
  return crypto.createHash('sha256').update(spki).digest('hex');
}

function isSupported(request: KeyRequest): boolean {
  return keyRequests.some((known) => known.algo === request.algo && known.size === request.size);
}

function unsupported(request: { algo: string; size: number }): PkiError {
  return new PkiError(
    'badKeyRequest',
    `key ${request.algo} ${request.size} is not supported; ${supportedKinds}`,
  );
}
