/**
 * The extensions of a certificate, read from its DER: alternative names by type, usages, constraints, key identifiers.
 * Names are taken byte by byte here because the text form of node:crypto joins them with commas, and a name may
 * contain one.
 */
import { children, DerError, expectTag, oidText, readOnly, type Tlv, tags } from './der-read.js';
import type { SubjectAltNames } from './hosts.js';
import { formatIp } from './ip-address.js';
import { extensionOids, generalNameTags } from './oids.js';
import type { X509Usages } from './usages.js';

export interface CertificateExtensions {
  readonly altNames: SubjectAltNames;
  readonly usages: X509Usages;
  readonly pathLength: number | undefined;
  readonly subjectKeyId: Buffer | undefined;
  /** DER of the subject's name, which a certificate issued by this one repeats as its issuer. */
  readonly subjectName: Buffer;
  readonly signatureOid: string;
  /** Critical extensions that nothing here understands; such a certificate must not be trusted (RFC 5280, 4.2). */
  readonly unknownCritical: readonly string[];
}

/** Reads the extensions of a DER certificate that node:crypto has already parsed. Throws DerError. */
export function readExtensions(der: Buffer): CertificateExtensions {
  const certificate = children(readOnly(der, tags.sequence));
  const fields = children(expectTag(certificate[0], tags.sequence));
  // The version is left out in a certificate of version 1, which has no extensions either.
  const shift = fields[0]?.tag === tags.explicit0 ? 0 : -1;
  const list = fields.find((field) => field.tag === tags.explicit3);
  const extensions = list === undefined ? [] : readList(list);
  const extensionValue = (oid: string) => extensions.find((extension) => extension.oid === oid)?.value;
  return {
    altNames: readAltNames(extensionValue(extensionOids.subjectAltName)),
    usages: {
      keyUsageBits: readNamedBits(extensionValue(extensionOids.keyUsage)),
      extended: readOids(extensionValue(extensionOids.extendedKeyUsage)),
    },
    pathLength: readPathLength(extensionValue(extensionOids.basicConstraints)),
    subjectKeyId: readKeyId(extensionValue(extensionOids.subjectKeyIdentifier)),
    subjectName: expectTag(fields[5 + shift], tags.sequence).der,
    signatureOid: oidText(children(expectTag(certificate[1], tags.sequence))[0]),
    unknownCritical: extensions
      .filter(({ critical, oid }) => critical && !understood.has(oid))
      .map(({ oid }) => oid),
  };
}

const understood = new Set<string>(Object.values(extensionOids));

interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

function readList(list: Tlv): Extension[] {
  const extensions = children(readOnly(list.content, tags.sequence)).map((tlv): Extension => {
    const parts = children(expectTag(tlv, tags.sequence));
    const critical = parts[1]?.tag === tags.boolean && parts[1].content[0] !== 0;
    return { oid: oidText(parts[0]), critical, value: expectTag(parts.at(-1), tags.octetString).content };
  });
  const oids = new Set(extensions.map(({ oid }) => oid));
  if (oids.size !== extensions.length) throw new DerError('an extension stands there twice');
  return extensions;
}

function readAltNames(value: Buffer | undefined): SubjectAltNames {
  const names = value === undefined ? [] : children(readOnly(value, tags.sequence));
  const contentsOf = (tag: number) =>
    names.filter((name) => name.tag === (0x80 | tag)).map((name) => name.content);
  return {
    dns: contentsOf(generalNameTags.dns).map(asciiText),
    emails: contentsOf(generalNameTags.email).map(asciiText),
    ips: contentsOf(generalNameTags.ip).map((bytes) => {
      if (bytes.length !== 4 && bytes.length !== 16)
        throw new DerError('an IP address is neither 4 nor 16 bytes long');
      return formatIp(bytes);
    }),
    uris: contentsOf(generalNameTags.uri).map(asciiText),
  };
}

/** A zero byte or a line break in a name has fooled many a reader; such a certificate is refused as a whole. */
function asciiText(bytes: Buffer): string {
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw new DerError('an alternative name has a byte that is not printable ASCII');
  }
  return bytes.toString('ascii');
}

function readNamedBits(value: Buffer | undefined): number[] {
  if (value === undefined) return [];
  const { content } = readOnly(value, tags.bitString);
  const bytes = content.subarray(1);
  return Array.from({ length: bytes.length * 8 }, (_, bit) => bit).filter(
    (bit) => bytes[bit >> 3]! & (0x80 >> (bit & 7)),
  );
}

function readOids(value: Buffer | undefined): string[] {
  return value === undefined ? [] : children(readOnly(value, tags.sequence)).map(oidText);
}

function readPathLength(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const length = children(readOnly(value, tags.sequence)).find((part) => part.tag === tags.integer);
  return length === undefined ? undefined : length.content.readUIntBE(0, Math.min(length.content.length, 6));
}

function readKeyId(value: Buffer | undefined): Buffer | undefined {
  return value === undefined ? undefined : readOnly(value, tags.octetString).content;
}
