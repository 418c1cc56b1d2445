/**
 * Builds DER with node-forge's ASN.1 part, the only use of node-forge. It is loaded when the first certificate or
 * request is built: agents that only check certificates never pay for it. Decides nothing and never reads untrusted
 * bytes; `embed` is for DER that node:crypto has already accepted.
 */
import type { asn1 as Asn1Lib } from 'node-forge';

/** A piece of ASN.1 under construction. */
export type Asn1 = Asn1Lib.Asn1;

export interface DerWriter {
  sequence(...parts: Asn1[]): Asn1;
  /** SET OF: the parts in the order of their encodings, as DER wants them. */
  setOf(...parts: Asn1[]): Asn1;
  /** A non-negative integer from its big-endian bytes. */
  integer(bigEndian: Uint8Array): Asn1;
  boolean(value: boolean): Asn1;
  nothing(): Asn1;
  oid(dotted: string): Asn1;
  octetString(bytes: Uint8Array): Asn1;
  /** A bit string; `unusedBits` (0 to 7) are at the end of the last byte. */
  bitString(bytes: Uint8Array, unusedBits?: number): Asn1;
  /** ASCII text: PrintableString where its alphabet allows, else UTF8String, which is Go's choice and so cfssl's. */
  directoryString(text: string): Asn1;
  /** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5). */
  time(date: Date): Asn1;
  /** `[tag]` around parts. */
  explicit(tag: number, ...parts: Asn1[]): Asn1;
  /** `[tag] IMPLICIT` bytes of a primitive type. */
  implicit(tag: number, bytes: Uint8Array): Asn1;
  embed(der: Uint8Array): Asn1;
  encode(node: Asn1): Buffer;
}

let loading: Promise<DerWriter> | undefined;

export function loadDerWriter(): Promise<DerWriter> {
  loading ??= import('node-forge/lib/asn1.js').then((module) => createDerWriter(module.default));
  return loading;
}

function createDerWriter(lib: typeof Asn1Lib): DerWriter {
  const { UNIVERSAL, CONTEXT_SPECIFIC } = lib.Class;
  const { Type } = lib;
  // forge's strings hold one byte in each character.
  const binary = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const primitive = (type: Asn1Lib.Type, bytes: Uint8Array) =>
    lib.create(UNIVERSAL, type, false, binary(bytes));
  const encode = (node: Asn1) => Buffer.from(lib.toDer(node).getBytes(), 'latin1');

  return {
    sequence: (...parts) => lib.create(UNIVERSAL, Type.SEQUENCE, true, parts),
    setOf(...parts) {
      const sorted = parts.map((part) => ({ part, der: encode(part) })).sort((a, b) => a.der.compare(b.der));
      return lib.create(
        UNIVERSAL,
        Type.SET,
        true,
        sorted.map(({ part }) => part),
      );
    },
    integer: (bigEndian) => primitive(Type.INTEGER, Uint8Array.from([0, ...bigEndian])),
    boolean: (value) => primitive(Type.BOOLEAN, Uint8Array.of(value ? 0xff : 0)),
    nothing: () => lib.create(UNIVERSAL, Type.NULL, false, ''),
    oid: (dotted) => lib.create(UNIVERSAL, Type.OID, false, lib.oidToDer(dotted).getBytes()),
    octetString: (bytes) => primitive(Type.OCTETSTRING, bytes),
    bitString: (bytes, unusedBits = 0) => primitive(Type.BITSTRING, Uint8Array.from([unusedBits, ...bytes])),
    directoryString(text) {
      const type = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? Type.PRINTABLESTRING : Type.UTF8;
      return primitive(type, Buffer.from(text, 'utf8'));
    },
    time(date) {
      const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
      return date.getUTCFullYear() < 2050
        ? primitive(Type.UTCTIME, Buffer.from(digits.slice(2)))
        : primitive(Type.GENERALIZEDTIME, Buffer.from(digits));
    },
    explicit: (tag, ...parts) => lib.create(CONTEXT_SPECIFIC, tag, true, parts),
    implicit: (tag, bytes) => lib.create(CONTEXT_SPECIFIC, tag, false, binary(bytes)),
    embed: (der) => lib.fromDer(binary(der), { decodeBitStrings: false } as never),
    encode,
  };
}
