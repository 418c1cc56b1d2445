/**
 * A strict reader of DER: definite minimal lengths, low tag numbers, no trailing bytes. It gives slices of the
 * original bytes, so that what is verified is what was signed. It reads only what node:crypto does not tell; what is
 * trusted is decided with node:crypto.
 */

/** One tag-length-value. `der` is all of it, `content` the value; both are views of the input. */
export interface Tlv {
  readonly tag: number;
  readonly der: Buffer;
  readonly content: Buffer;
}

/** Tags this package reads, class and constructed bit included. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  explicit0: 0xa0,
  explicit3: 0xa3,
} as const;

/** Not DER, or not the structure expected. Callers turn it into their own PkiError. */
export class DerError extends Error {}

/** The one value that `bytes` is. */
export function readOnly(bytes: Buffer, tag: number): Tlv {
  const tlv = readAt(bytes, 0);
  if (tlv.der.length !== bytes.length) throw new DerError('bytes are left over after the end');
  return expectTag(tlv, tag);
}

/** The values inside a constructed one. */
export function children(parent: Tlv): Tlv[] {
  const found: Tlv[] = [];
  for (let offset = 0; offset < parent.content.length; ) {
    const child = readAt(parent.content, offset);
    found.push(child);
    offset += child.der.length;
  }
  return found;
}

export function expectTag(tlv: Tlv | undefined, tag: number): Tlv {
  if (tlv === undefined) throw new DerError(`a part with tag 0x${tag.toString(16)} is missing`);
  if (tlv.tag !== tag)
    throw new DerError(`tag 0x${tlv.tag.toString(16)} where 0x${tag.toString(16)} is expected`);
  return tlv;
}

/** Dotted text of an OID value. */
export function oidText(tlv: Tlv | undefined): string {
  const { content } = expectTag(tlv, tags.oid);
  const arcs: number[] = [];
  let value = 0;
  for (const [index, byte] of content.entries()) {
    if (value > 2 ** 45) throw new DerError('an OID has too large a number');
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) {
      if (index === content.length - 1) throw new DerError('an OID is cut short');
      continue;
    }
    arcs.push(value);
    value = 0;
  }
  const first = arcs.shift();
  if (first === undefined) throw new DerError('an OID is empty');
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...arcs].join('.');
}

/** The bytes of a bit string that is a whole number of bytes. */
export function wholeBitString(tlv: Tlv | undefined): Buffer {
  const { content } = expectTag(tlv, tags.bitString);
  if (content[0] !== 0) throw new DerError('a bit string has unused bits where whole bytes are expected');
  return content.subarray(1);
}

function readAt(bytes: Buffer, offset: number): Tlv {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError('it ends in the middle of a value');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number above 30');
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError('a length that is indefinite or too large');
    if (start + count > bytes.length) throw new DerError('it ends in the middle of a value');
    length = bytes.readUIntBE(start, count);
    if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1))))
      throw new DerError('a length that is not minimal');
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('it ends in the middle of a value');
  return { tag, der: bytes.subarray(offset, end), content: bytes.subarray(start, end) };
}
