/** Serial numbers of certificates. */
import crypto from 'node:crypto';

/** The most that RFC 5280 (4.1.2.2) allows, and what cfssl uses. */
const serialBytes = 20;

/** A random positive serial of 20 bytes: the top bit is clear, or it would read as negative; the top byte is not 0. */
export function newSerial(): Uint8Array {
  const serial = crypto.randomBytes(serialBytes);
  serial[0] = serial[0]! & 0x7f || 1;
  return serial;
}
