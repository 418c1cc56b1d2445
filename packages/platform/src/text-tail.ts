/** The end of a text within a number of bytes, for logs that are shown or searched. Pure. */

/** Decodes the last `bytesMax` bytes; a character cut in half there is left out, so that the result fits as UTF-8 too. */
export function textTail(bytes: Uint8Array, bytesMax: number): string {
  // Decoding first makes what is not UTF-8 a replacement character, which is longer than what it replaces.
  const valid = Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8');
  let from = Math.max(valid.length - bytesMax, 0);
  while (from > 0 && from < valid.length && isContinuation(valid[from])) {
    from += 1;
  }
  return valid.toString('utf8', from);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
