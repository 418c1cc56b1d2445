/**
 * Certificate authorities: made self-signed as `cfssl gencert -initca` makes them, and opened again to issue.
 */
import crypto from 'node:crypto';
import { assertIssued } from './assert-issued.js';
import { validityFor } from './expiry.js';
import { generateKey, type KeyRequest, readPrivateKey } from './key.js';
import { PkiError } from './pki-error.js';
import { type ParsedCertificate, parseCertificate } from './read-certificate.js';
import { newSerial } from './serial.js';
import { checkSubject, type Subject } from './subject.js';
import { signCertificate } from './to-be-signed.js';
import { x509Usages } from './usages.js';

/** A CA: certificate and private key, both PEM. The key is a secret of whoever holds the CA. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

const noAltNames = { dns: [], emails: [], ips: [], uris: [] } as const;
const pathLengthMax = 127;

/**
 * A new self-signed CA: critical keyUsage certSign and crlSign, critical basicConstraints CA, a subject key id, no
 * alternative names. `expiry` is a Go duration and counts from NotBefore, five minutes before `now`. `pathLength` is
 * how many CAs may stand below; left out, the certificate sets no limit, as with cfssl.
 * Throws PkiError `badSubject`, `badKeyRequest` or `badExpiry`.
 */
export async function createAuthority(input: {
  subject: Subject;
  key: KeyRequest;
  expiry: string;
  now: Date;
  pathLength?: number | undefined;
}): Promise<Authority> {
  const { subject, now, expiry, pathLength } = input;
  checkSubject(subject, 'the CA');
  if (
    pathLength !== undefined &&
    !(Number.isInteger(pathLength) && pathLength >= 0 && pathLength <= pathLengthMax)
  ) {
    throw new PkiError(
      'badSubject',
      `pathLength ${pathLength} is not a whole number from 0 to ${pathLengthMax}`,
    );
  }
  const validity = validityFor({ expiry, now });
  const usages = x509Usages(['cert sign', 'crl sign']);
  const serial = newSerial();
  const key = await generateKey(input.key);
  const privateKey = readPrivateKey(key);
  const publicKey = crypto.createPublicKey(privateKey);
  const certificate = await signCertificate(
    {
      serial,
      issuerName: undefined,
      validity,
      subject,
      publicKey,
      usages,
      basicConstraints: { isCA: true, pathLength },
      authorityKeyId: undefined,
      altNames: noAltNames,
    },
    privateKey,
  );
  const asked = { issuer: undefined, publicKey, serial, validity, altNames: noAltNames, usages, isCA: true };
  return { certificate: assertIssued(certificate, asked), key };
}

/** A CA that is ready to sign. */
export interface OpenAuthority {
  readonly certificate: ParsedCertificate;
  readonly key: crypto.KeyObject;
  readonly notAfter: Date;
}

/**
 * Reads a CA and checks that it can issue now. Throws PkiError `badCertificate`, `badKey`, `keyMismatch` or
 * `authorityUnusable`.
 */
export function openAuthority(authority: Authority, now: Date): OpenAuthority {
  const certificate = parseCertificate(authority.certificate, 'the CA certificate');
  const key = readPrivateKey(authority.key);
  const { x509 } = certificate;
  const name = JSON.stringify(x509.subject.replaceAll('\n', ', '));
  if (!x509.ca)
    throw new PkiError('authorityUnusable', `${name} is not a CA certificate; it cannot issue others`);
  if (!x509.checkPrivateKey(key)) {
    throw new PkiError(
      'keyMismatch',
      `the CA key does not belong to the CA certificate ${name}: files of two CAs were mixed`,
    );
  }
  const notBefore = new Date(x509.validFrom);
  const notAfter = new Date(x509.validTo);
  if (now < notBefore || now >= notAfter) {
    const period = `from ${notBefore.toISOString()} to ${notAfter.toISOString()}`;
    throw new PkiError(
      'authorityUnusable',
      `the CA ${name} is valid ${period}; now it is ${now.toISOString()}`,
    );
  }
  return { certificate, key, notAfter };
}
