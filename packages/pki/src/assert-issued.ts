/**
 * The second half of issuing: reads back what was just built, with node:crypto, and compares it with what was asked.
 * A certificate that does not say exactly that never leaves this package.
 */
import type { KeyObject } from 'node:crypto';
import type { Validity } from './expiry.js';
import type { SubjectAltNames } from './hosts.js';
import { publicKeySha256 } from './key.js';
import { PkiError } from './pki-error.js';
import { type ParsedCertificate, parseCertificate } from './read-certificate.js';
import type { X509Usages } from './usages.js';

export interface IssuedExpectation {
  /** The certificate whose key signed; undefined for a self-signed one. */
  readonly issuer: ParsedCertificate | undefined;
  readonly publicKey: KeyObject;
  readonly serial: Uint8Array;
  readonly validity: Validity;
  readonly altNames: SubjectAltNames;
  readonly usages: X509Usages;
  readonly isCA: boolean;
}

/** Returns `pem` when it reads back as asked; throws PkiError `selfCheckFailed` when not. */
export function assertIssued(pem: string, asked: IssuedExpectation): string {
  const made = parseCertificate(pem, 'the certificate just made');
  const { x509, extensions } = made;
  const issuer = asked.issuer?.x509 ?? x509;
  const { dns, emails, ips, uris } = extensions.altNames;
  const checks: readonly (readonly [string, boolean])[] = [
    ['issuer', x509.checkIssued(issuer)],
    ['signature', x509.verify(issuer.publicKey)],
    ['public key', publicKeySha256(x509.publicKey) === publicKeySha256(asked.publicKey)],
    [
      'serial number',
      BigInt(`0x${x509.serialNumber}`) === BigInt(`0x${Buffer.from(asked.serial).toString('hex')}`),
    ],
    ['notBefore', Date.parse(x509.validFrom) === asked.validity.notBefore.getTime()],
    ['notAfter', Date.parse(x509.validTo) === asked.validity.notAfter.getTime()],
    ['DNS names', sameList(dns, asked.altNames.dns)],
    ['mail addresses', sameList(emails, asked.altNames.emails)],
    ['IP addresses', sameList(ips, asked.altNames.ips)],
    ['URIs', sameList(uris, asked.altNames.uris)],
    // What a TLS peer will find, by node:crypto's own matching and not by our reader. It takes no wildcard as input.
    [
      'DNS names as a peer sees them',
      dns.every((name) => name.startsWith('*') || x509.checkHost(name) !== undefined),
    ],
    ['IP addresses as a peer sees them', ips.every((ip) => x509.checkIP(ip) !== undefined)],
    ['key usage', sameList(extensions.usages.keyUsageBits, asked.usages.keyUsageBits)],
    ['extended key usage', sameList(x509.keyUsage ?? [], asked.usages.extended)],
    ['CA flag', x509.ca === asked.isCA],
  ];
  const failed = checks.filter(([, ok]) => !ok).map(([what]) => what);
  if (failed.length === 0) return pem;
  throw new PkiError(
    'selfCheckFailed',
    `the certificate just made does not read back as asked (${failed.join(', ')}); it was thrown away, and nothing was issued`,
  );
}

function sameList<T>(found: readonly T[], asked: readonly T[]): boolean {
  return found.length === asked.length && found.every((value, index) => value === asked[index]);
}
