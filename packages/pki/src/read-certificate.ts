/**
 * Reads a certificate into a small value. node:crypto parses and gives key, dates and names; only the extensions,
 * which it shows as text made for eyes, are read from the DER.
 */
import crypto from 'node:crypto';
import { type CertificateExtensions, readExtensions } from './certificate-extensions.js';
import { DerError } from './der-read.js';
import { describeKey, type KeyRequest, keyRequestOf, publicKeySha256, readPrivateKey } from './key.js';
import { certificateBytesMax, decodePem } from './pem.js';
import { PkiError } from './pki-error.js';
import type { Subject, SubjectName } from './subject.js';
import { usageWords } from './usages.js';

/** What a certificate says. All texts are as in the certificate; addresses in canonical form. */
export interface Certificate {
  readonly subject: Subject;
  readonly issuerCN: string;
  /** Lower-case hex, even length. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly dns: readonly string[];
  readonly emails: readonly string[];
  readonly ips: readonly string[];
  readonly uris: readonly string[];
  /** cfssl's words; an extended usage that cfssl has no word for is its OID. */
  readonly usages: readonly string[];
  readonly isCA: boolean;
  /** How many CAs may stand below this one; undefined is unlimited, or not a CA. */
  readonly pathLength: number | undefined;
  /** The kind of key; a certificate from elsewhere may have one that this product does not use. */
  readonly key: KeyRequest | { readonly algo: 'other'; readonly description: string };
  /** Lower-case hex SHA-256 of the DER certificate, without colons. */
  readonly fingerprint256: string;
  /** Lower-case hex SHA-256 of the DER SubjectPublicKeyInfo. */
  readonly publicKeySha256: string;
}

/** Reads one certificate PEM. Throws PkiError `badCertificate`. */
export function readCertificate(pem: string): Certificate {
  return describeCertificate(parseCertificate(pem));
}

/** Lower-case hex SHA-256 of the DER certificate. Throws PkiError `badCertificate`. */
export function certificateSha256(pem: string): string {
  return fingerprint(parseCertificate(pem).x509);
}

/**
 * Whether the certificate is for this private key. Throws PkiError `badCertificate` or `badKey` when one cannot be
 * read.
 */
export function keyMatches(certificate: string, key: string): boolean {
  return parseCertificate(certificate).x509.checkPrivateKey(readPrivateKey(key));
}

/** A certificate as node:crypto holds it, with its extensions. */
export interface ParsedCertificate {
  readonly x509: crypto.X509Certificate;
  readonly extensions: CertificateExtensions;
}

/** For this package's own use: `what` names the certificate in errors. */
export function parseCertificate(pem: string, what = 'the certificate'): ParsedCertificate {
  const der = decodePem(pem, {
    what,
    labels: ['CERTIFICATE'],
    bytesMax: certificateBytesMax,
    code: 'badCertificate',
  });
  try {
    const x509 = new crypto.X509Certificate(der);
    if (!x509.raw.equals(der)) throw new DerError('bytes are left over after the end');
    // Asked here, so that a key nobody can use is found where the certificate is read.
    void x509.publicKey;
    return { x509, extensions: readExtensions(der) };
  } catch (cause) {
    if (cause instanceof PkiError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PkiError('badCertificate', `${what} is damaged: ${why}`, { cause });
  }
}

export function describeCertificate({ x509, extensions }: ParsedCertificate): Certificate {
  const key = x509.publicKey;
  const legacy = x509.toLegacyObject();
  return {
    subject: readName(legacy.subject),
    issuerCN: readName(legacy.issuer).CN,
    serial: x509.serialNumber.toLowerCase(),
    notBefore: new Date(x509.validFrom),
    notAfter: new Date(x509.validTo),
    dns: extensions.altNames.dns,
    emails: extensions.altNames.emails,
    ips: extensions.altNames.ips,
    uris: extensions.altNames.uris,
    usages: usageWords(extensions.usages),
    isCA: x509.ca,
    pathLength: extensions.pathLength,
    key: keyRequestOf(key) ?? { algo: 'other', description: describeKey(key) },
    fingerprint256: fingerprint(x509),
    publicKeySha256: publicKeySha256(key),
  };
}

function fingerprint(x509: crypto.X509Certificate): string {
  return x509.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** node:crypto gives one value as a string and several of a kind as a list; `names` gets as many entries as needed. */
function readName(name: unknown): Subject {
  const parts = name as Readonly<Record<string, string | readonly string[] | undefined>>;
  const valuesOf = (field: string) => [parts[field] ?? []].flat();
  const names: { -readonly [Field in keyof SubjectName]: SubjectName[Field] }[] = [];
  for (const field of ['C', 'ST', 'L', 'O', 'OU'] as const) {
    for (const [index, value] of valuesOf(field).entries()) {
      names[index] ??= {};
      names[index][field] = value;
    }
  }
  return { CN: valuesOf('CN')[0] ?? '', names };
}
