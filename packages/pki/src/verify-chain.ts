/**
 * Whether a certificate is one that an authority issued and that may be used now, for this. Decided with node:crypto.
 */

import { PkiError } from './pki-error.js';
import {
  type Certificate,
  describeCertificate,
  type ParsedCertificate,
  parseCertificate,
} from './read-certificate.js';
import { extendedUsageOid } from './usages.js';

/**
 * - `malformed`: one of the two cannot be read, or has a critical extension that nobody here understands;
 * - `foreign`: not issued by this authority, or the authority is not a self-signed CA;
 * - `notYetValid`, `expired`: by `now`; the message says which certificate and both times;
 * - `usage`: a CA certificate where a leaf is expected, or the usage asked for is not in it.
 */
export type ChainFault = 'malformed' | 'foreign' | 'notYetValid' | 'expired' | 'usage';

export type ChainVerdict =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly kind: ChainFault; readonly message: string };

/** Checks one leaf against one authority (both PEM). Never throws for what it is given; the verdict says all. */
export function verifyChain(input: {
  leaf: string;
  authority: string;
  now: Date;
  usage: 'server auth' | 'client auth';
}): ChainVerdict {
  let leaf: ParsedCertificate;
  let authority: ParsedCertificate;
  try {
    leaf = parseCertificate(input.leaf);
    authority = parseCertificate(input.authority, 'the CA certificate');
  } catch (error) {
    if (error instanceof PkiError) return { ok: false, kind: 'malformed', message: error.message };
    throw error;
  }
  const fault =
    criticalFault('the certificate', leaf) ??
    criticalFault('the CA certificate', authority) ??
    issuerFault(leaf, authority) ??
    dateFault('the CA certificate', authority, input.now) ??
    dateFault('the certificate', leaf, input.now) ??
    usageFault(leaf, input.usage);
  return fault === undefined ? { ok: true, certificate: describeCertificate(leaf) } : { ok: false, ...fault };
}

interface Fault {
  readonly kind: ChainFault;
  readonly message: string;
}

function criticalFault(what: string, { extensions }: ParsedCertificate): Fault | undefined {
  const [oid] = extensions.unknownCritical;
  return oid === undefined
    ? undefined
    : { kind: 'malformed', message: `${what} has the unknown critical extension ${oid}` };
}

function issuerFault(leaf: ParsedCertificate, authority: ParsedCertificate): Fault | undefined {
  const ca = authority.x509;
  if (!ca.ca) return { kind: 'foreign', message: 'what is given as CA certificate is not one' };
  if (!ca.checkIssued(ca) || !ca.verify(ca.publicKey)) {
    return { kind: 'foreign', message: 'the CA certificate is not a root: it is not signed by itself' };
  }
  if (leaf.x509.checkIssued(ca) && leaf.x509.verify(ca.publicKey)) return undefined;
  const issuer = describeCertificate(leaf).issuerCN;
  const own = describeCertificate(authority).subject.CN;
  const why =
    issuer === own ? 'same name, another key: the CA was made anew, or this is a forgery' : 'another CA';
  return {
    kind: 'foreign',
    message: `the certificate was issued by ${JSON.stringify(issuer)}, not by this CA ${JSON.stringify(own)} (${why})`,
  };
}

function dateFault(what: string, { x509 }: ParsedCertificate, now: Date): Fault | undefined {
  const notBefore = new Date(x509.validFrom);
  const notAfter = new Date(x509.validTo);
  const clock = `this host's clock says ${now.toISOString()}`;
  if (now < notBefore) {
    return { kind: 'notYetValid', message: `${what} is valid from ${notBefore.toISOString()}; ${clock}` };
  }
  // Written so that a date nobody can compare counts as expired. The last second still counts (RFC 5280, 4.1.2.5).
  if (!(now.getTime() < notAfter.getTime() + 1_000)) {
    return { kind: 'expired', message: `${what} expired at ${notAfter.toISOString()}; ${clock}` };
  }
  return undefined;
}

function usageFault(
  { x509, extensions }: ParsedCertificate,
  usage: 'server auth' | 'client auth',
): Fault | undefined {
  if (x509.ca) return { kind: 'usage', message: 'the certificate is a CA certificate; a leaf is expected' };
  if (!extensions.usages.extended.includes(extendedUsageOid[usage])) {
    return { kind: 'usage', message: `the certificate is not for "${usage}"` };
  }
  const bits = extensions.usages.keyUsageBits;
  if (bits.length > 0 && !bits.includes(0)) {
    return {
      kind: 'usage',
      message: 'the certificate is not for signing, which every TLS 1.3 handshake needs',
    };
  }
  return undefined;
}
