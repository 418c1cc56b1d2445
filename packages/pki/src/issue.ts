/**
 * Issues leaf certificates: everything in one is what the holder of the CA asked for, never what the receiver asked.
 */
import type crypto from 'node:crypto';
import { assertIssued } from './assert-issued.js';
import { type Authority, openAuthority } from './authority.js';
import { validityFor } from './expiry.js';
import { sortHosts } from './hosts.js';
import { decodePem, requestBytesMax } from './pem.js';
import { PkiError } from './pki-error.js';
import { readPublicKey } from './public-key.js';
import { parseCertificate } from './read-certificate.js';
import { newSerial } from './serial.js';
import { checkSubject, type Subject } from './subject.js';
import { signCertificate } from './to-be-signed.js';
import { type Usage, x509Usages } from './usages.js';

export interface IssueInput {
  readonly authority: Authority;
  /** SPKI PEM, as `readRequest` returns it. */
  readonly publicKey: string;
  readonly subject: Subject;
  /** DNS names, IP addresses, mail addresses: cfssl's `hosts`. */
  readonly hosts: readonly string[];
  readonly uris: readonly string[];
  readonly usages: readonly Usage[];
  /** Go duration from NotBefore, which is five minutes before `now`. */
  readonly expiry: string;
  readonly now: Date;
}

/**
 * A leaf certificate, PEM, read back and verified before it is returned. It ends with its CA at the latest: a longer
 * `expiry` is cut to the CA's NotAfter. It is cut and not refused because the usual case is a CA and leaves of the
 * same expiry, where every leaf, made minutes after its CA, would be refused.
 * Throws PkiError: any `bad...` code for an input, `keyMismatch`, `authorityUnusable`, `selfCheckFailed`.
 */
export async function issue(input: IssueInput): Promise<string> {
  return issueLeaf(input, { mayOutliveAuthority: false });
}

/** As `issue`, with cfssl's own latitude where `likeCfssl` has to reproduce it. Not exported by the package. */
export async function issueLeaf(
  input: IssueInput,
  options: { mayOutliveAuthority: boolean; backdateMs?: number | undefined },
): Promise<string> {
  const { subject, now, expiry } = input;
  checkSubject(subject, 'the certificate');
  const altNames = sortHosts(input.hosts, input.uris);
  const usages = x509Usages(input.usages);
  if (input.usages.some((usage) => usage === 'cert sign' || usage === 'crl sign')) {
    throw new PkiError(
      'badUsage',
      'a leaf certificate cannot have the usages "cert sign" or "crl sign"; they make a CA',
    );
  }
  const publicKey = publicKeyOf(input.publicKey);
  const authority = openAuthority(input.authority, now);
  const asked = validityFor({ expiry, now, backdateMs: options.backdateMs });
  const tooLong = asked.notAfter > authority.notAfter && !options.mayOutliveAuthority;
  const validity = tooLong ? { ...asked, notAfter: authority.notAfter } : asked;
  const serial = newSerial();
  const certificate = await signCertificate(
    {
      serial,
      issuerName: authority.certificate.extensions.subjectName,
      validity,
      subject,
      publicKey,
      usages,
      basicConstraints: { isCA: false, pathLength: undefined },
      authorityKeyId: authority.certificate.extensions.subjectKeyId,
      altNames,
    },
    authority.key,
  );
  const issuer = authority.certificate;
  if (parseCertificate(certificate).extensions.subjectName.equals(issuer.extensions.subjectName)) {
    throw new PkiError(
      'badSubject',
      'the subject is the same as that of the CA; a leaf with the name of its CA looks self-signed',
    );
  }
  return assertIssued(certificate, { issuer, publicKey, serial, validity, altNames, usages, isCA: false });
}

function publicKeyOf(pem: string): crypto.KeyObject {
  // createPublicKey alone would also take a private key or a certificate; neither has any business here.
  const what = 'the public key';
  const der = decodePem(pem, { what, labels: ['PUBLIC KEY'], bytesMax: requestBytesMax, code: 'badKey' });
  return readPublicKey(der, what, 'badKey').publicKey;
}
