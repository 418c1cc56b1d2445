/** Texts that stand for numbers and moments on the wire. */
import * as z from 'zod';

export const hexId = z.string().regex(/^[0-9a-f]{16}$/, 'an id is 16 lower-case hex digits');
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 lower-case hex digits');
export const port = z.int().min(1).max(65535);
export const instant = z.iso.datetime();
/** A 64-bit number in decimal: JSON's own numbers lose digits. */
export const uint64 = z.string().regex(/^\d{1,20}$/, 'a 64-bit number in decimal');
