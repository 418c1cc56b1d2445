/**
 * The parts of a certificate and of a request before the signature, in the order and encodings that cfssl uses, and
 * the one place that signs: always node:crypto, off the event loop, for RSA and ECDSA alike.
 */
import crypto from 'node:crypto';
import { children, readOnly, tags, wholeBitString } from './der-read.js';
import { type Asn1, type DerWriter, loadDerWriter } from './der-write.js';
import type { Validity } from './expiry.js';
import type { SubjectAltNames } from './hosts.js';
import { parseIp } from './ip-address.js';
import { keyRequestOf } from './key.js';
import { extensionOids, extensionRequestOid, generalNameTags, nameOids } from './oids.js';
import { encodePem } from './pem.js';
import { type SignatureAlgorithm, signatureAlgorithmFor } from './signature-algorithm.js';
import { type Subject, type SubjectName, subjectNameFields } from './subject.js';
import type { X509Usages } from './usages.js';

/** Everything that a certificate says. */
export interface CertificateContent {
  readonly serial: Uint8Array;
  /** DER of the issuer's name, or undefined for a self-signed certificate. */
  readonly issuerName: Uint8Array | undefined;
  readonly validity: Validity;
  readonly subject: Subject;
  readonly publicKey: crypto.KeyObject;
  readonly usages: X509Usages;
  readonly basicConstraints: { readonly isCA: boolean; readonly pathLength: number | undefined };
  /** Key identifier of the issuer, where it has one and is not the certificate itself. */
  readonly authorityKeyId: Uint8Array | undefined;
  readonly altNames: SubjectAltNames;
}

/** Builds and signs a certificate; PEM. */
export async function signCertificate(
  content: CertificateContent,
  signer: crypto.KeyObject,
): Promise<string> {
  const w = await loadDerWriter();
  const subject = nameNode(w, content.subject);
  const algorithm = algorithmOf(signer);
  const tbs = w.sequence(
    w.explicit(0, w.integer(Uint8Array.of(2))),
    w.integer(content.serial),
    algorithmNode(w, algorithm),
    content.issuerName === undefined ? subject : w.embed(content.issuerName),
    w.sequence(w.time(content.validity.notBefore), w.time(content.validity.notAfter)),
    subject,
    w.embed(spkiOf(content.publicKey)),
    w.explicit(3, w.sequence(...certificateExtensions(w, content))),
  );
  return encodePem('CERTIFICATE', await sign(w, tbs, algorithm, signer));
}

/** Builds and signs a PKCS#10 request; PEM. */
export async function signRequest(
  content: { subject: Subject; altNames: SubjectAltNames },
  signer: crypto.KeyObject,
): Promise<string> {
  const w = await loadDerWriter();
  const algorithm = algorithmOf(signer);
  const altName = altNameExtension(w, content.altNames);
  const attributes =
    altName.length === 0 ? [] : [w.sequence(w.oid(extensionRequestOid), w.setOf(w.sequence(...altName)))];
  const info = w.sequence(
    w.integer(Uint8Array.of(0)),
    nameNode(w, content.subject),
    w.embed(spkiOf(crypto.createPublicKey(signer))),
    w.explicit(0, ...attributes),
  );
  return encodePem('CERTIFICATE REQUEST', await sign(w, info, algorithm, signer));
}

/** The SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, method 1): a name for the key, not a protection. */
function subjectKeyId(publicKey: crypto.KeyObject): Uint8Array {
  return crypto.createHash('sha1').update(publicKeyBits(publicKey)).digest();
}

async function sign(
  w: DerWriter,
  body: Asn1,
  algorithm: SignatureAlgorithm,
  signer: crypto.KeyObject,
): Promise<Buffer> {
  const bytes = w.encode(body);
  const signature = await new Promise<Buffer>((resolve, reject) => {
    crypto.sign(algorithm.hash, bytes, signer, (error, value) => (error ? reject(error) : resolve(value)));
  });
  return w.encode(w.sequence(body, algorithmNode(w, algorithm), w.bitString(signature)));
}

/** cfssl's order: C, ST, L, O, OU, CN; the values of one kind from all `names` share one RDN. */
function nameNode(w: DerWriter, subject: Subject): Asn1 {
  const part = (field: keyof typeof nameOids, values: string[]) =>
    values.length === 0
      ? []
      : [w.setOf(...values.map((value) => w.sequence(w.oid(nameOids[field]), w.directoryString(value))))];
  const valuesOf = (field: keyof SubjectName) =>
    subject.names.flatMap((name) => (name[field] ? [name[field]] : []));
  return w.sequence(
    ...subjectNameFields.flatMap((field) => part(field, valuesOf(field))),
    ...part('CN', [subject.CN]),
  );
}

function certificateExtensions(w: DerWriter, content: CertificateContent): Asn1[] {
  const { usages, basicConstraints, authorityKeyId } = content;
  const list: Asn1[] = [];
  if (usages.keyUsageBits.length > 0) {
    list.push(extension(w, extensionOids.keyUsage, true, namedBits(w, usages.keyUsageBits)));
  }
  if (usages.extended.length > 0) {
    list.push(extension(w, extensionOids.extendedKeyUsage, false, w.sequence(...usages.extended.map(w.oid))));
  }
  const { isCA, pathLength } = basicConstraints;
  const constraints = isCA
    ? [w.boolean(true), ...(pathLength === undefined ? [] : [w.integer(Uint8Array.of(pathLength))])]
    : [];
  list.push(extension(w, extensionOids.basicConstraints, true, w.sequence(...constraints)));
  const keyId = w.octetString(subjectKeyId(content.publicKey));
  list.push(extension(w, extensionOids.subjectKeyIdentifier, false, keyId));
  if (authorityKeyId !== undefined) {
    const issuerKeyId = w.sequence(w.implicit(0, authorityKeyId));
    list.push(extension(w, extensionOids.authorityKeyIdentifier, false, issuerKeyId));
  }
  return [...list, ...altNameExtension(w, content.altNames)];
}

/** The subjectAltName extension, DNS names first, then mail, IP, URI as Go writes them; none when there are no names. */
function altNameExtension(w: DerWriter, names: SubjectAltNames): Asn1[] {
  const text = (tag: number) => (name: string) => w.implicit(tag, Buffer.from(name, 'ascii'));
  const list = [
    ...names.dns.map(text(generalNameTags.dns)),
    ...names.emails.map(text(generalNameTags.email)),
    ...names.ips.map((ip) => w.implicit(generalNameTags.ip, parseIp(ip)!)),
    ...names.uris.map(text(generalNameTags.uri)),
  ];
  return list.length === 0 ? [] : [extension(w, extensionOids.subjectAltName, false, w.sequence(...list))];
}

/** `critical` is left out when false: DER does not write defaults. */
function extension(w: DerWriter, oid: string, critical: boolean, value: Asn1): Asn1 {
  return w.sequence(w.oid(oid), ...(critical ? [w.boolean(true)] : []), w.octetString(w.encode(value)));
}

/** A named bit list: bit 0 is the highest of the first byte, and trailing zero bits are not written. */
function namedBits(w: DerWriter, bits: readonly number[]): Asn1 {
  const highest = Math.max(...bits);
  const bytes = new Uint8Array(Math.floor(highest / 8) + 1);
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7);
  return w.bitString(bytes, 7 - (highest & 7));
}

function algorithmOf(signer: crypto.KeyObject): SignatureAlgorithm {
  // The key was read by readPrivateKey, which lets only known kinds through.
  return signatureAlgorithmFor(keyRequestOf(signer)!);
}

/** RSA identifiers carry a NULL, ECDSA ones carry nothing (RFC 4055, RFC 5758). */
function algorithmNode(w: DerWriter, algorithm: SignatureAlgorithm): Asn1 {
  return w.sequence(w.oid(algorithm.oid), ...(algorithm.algo === 'rsa' ? [w.nothing()] : []));
}

function spkiOf(publicKey: crypto.KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

function publicKeyBits(publicKey: crypto.KeyObject): Buffer {
  const [, bits] = children(readOnly(spkiOf(publicKey), tags.sequence));
  return wholeBitString(bits);
}
