/**
 * PKCS#10 certificate requests: made by whoever needs a certificate, read by whoever holds a CA. The reader takes
 * from a request nothing but its public key: names and usages come from the topology, never from the asking side.
 */
import crypto from 'node:crypto';
import { children, DerError, expectTag, oidText, readOnly, tags, wholeBitString } from './der-read.js';
import { sortHosts } from './hosts.js';
import { type KeyRequest, publicKeySha256, readPrivateKey } from './key.js';
import { decodePem, requestBytesMax } from './pem.js';
import { PkiError } from './pki-error.js';
import { readPublicKey } from './public-key.js';
import { signatureAlgorithmByOid } from './signature-algorithm.js';
import { checkSubject, type Subject } from './subject.js';
import { signRequest } from './to-be-signed.js';

/** What a certificate authority may take from a request. */
export interface RequestedKey {
  /** SPKI PEM ("PUBLIC KEY"). */
  readonly publicKey: string;
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly publicKeySha256: string;
  readonly key: KeyRequest;
}

/**
 * A request for `key` (private key PEM), signed with SHA-2 as cfssl does; PEM. Subject and hosts are for the eyes of
 * people and of other authorities: ours ignores them. Throws PkiError `badKey`, `badSubject` or `badHost`.
 */
export async function createRequest(input: {
  key: string;
  subject: Subject;
  hosts?: readonly string[];
}): Promise<string> {
  checkSubject(input.subject, 'the certificate request');
  const altNames = sortHosts(input.hosts ?? [], []);
  return signRequest({ subject: input.subject, altNames }, readPrivateKey(input.key));
}

/**
 * Reads a request and verifies its own signature, which proves that the asking side holds the private key. Refused
 * with PkiError `badRequest`: over 16 KiB (before any parsing), damaged, not signed by its own key, signed with
 * anything but SHA-2, or a key of a kind, size or encoding that this product does not use.
 */
export async function readRequest(pem: string): Promise<RequestedKey> {
  const der = decodePem(pem, {
    what: 'the certificate request',
    labels: ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'],
    bytesMax: requestBytesMax,
    code: 'badRequest',
  });
  const parts = takeApart(der);
  const { publicKey, key } = readPublicKey(parts.spki, 'the certificate request', 'badRequest');
  const algorithm = signatureAlgorithmByOid(parts.signatureOid);
  if (algorithm === undefined || algorithm.algo !== key.algo) {
    throw bad(`is signed with algorithm ${parts.signatureOid}, which is not ${key.algo} with SHA-2`);
  }
  if (!(await verifySignature(algorithm.hash, parts.info, publicKey, parts.signature))) {
    throw bad(
      'is not signed by its own key: it was changed on the way, or its maker does not hold the private key',
    );
  }
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    publicKeySha256: publicKeySha256(publicKey),
    key,
  };
}

interface RequestParts {
  readonly info: Buffer;
  readonly spki: Buffer;
  readonly signatureOid: string;
  readonly signature: Buffer;
}

/** RFC 2986: { { version, subject, subjectPKInfo, [0] attributes }, signatureAlgorithm, signature }. */
function takeApart(der: Buffer): RequestParts {
  try {
    const request = children(readOnly(der, tags.sequence));
    if (request.length !== 3) throw new DerError(`${request.length} parts where 3 are expected`);
    const info = expectTag(request[0], tags.sequence);
    const fields = children(info);
    const version = expectTag(fields[0], tags.integer);
    if (!version.content.equals(Uint8Array.of(0))) throw new DerError('its version is not 1');
    expectTag(fields[1], tags.sequence);
    return {
      info: info.der,
      spki: expectTag(fields[2], tags.sequence).der,
      signatureOid: oidText(children(expectTag(request[1], tags.sequence))[0]),
      signature: wholeBitString(request[2]),
    };
  } catch (cause) {
    if (cause instanceof DerError) throw bad(`is damaged: ${cause.message}`, cause);
    throw cause;
  }
}

function verifySignature(
  hash: string,
  data: Buffer,
  key: crypto.KeyObject,
  signature: Buffer,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    crypto.verify(hash, data, key, signature, (error, ok) => (error ? reject(error) : resolve(ok)));
  });
}

function bad(message: string, cause?: unknown): PkiError {
  return new PkiError('badRequest', `the certificate request ${message}`, { cause });
}
