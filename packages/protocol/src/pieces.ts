/** A large file over a link, in either direction: in pieces, each of which is on the disk before the next one goes. */
import * as z from 'zod';
import { sha256Hex } from './ids.js';

/** Raw bytes of one piece: in base64 they stay far below one frame, and a slow disk has synced them within the call's deadline. */
export const pieceBytesMax = 1024 * 1024;

const pieceBase64 = z
  .string()
  .max(Math.ceil(pieceBytesMax / 3) * 4)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'is not base64');

/** The bytes that follow `offset` in the file with this hash. */
export const pieceSchema = z.strictObject({
  sha256: sha256Hex,
  offset: z.int().min(0),
  data: pieceBase64,
});
export type Piece = z.infer<typeof pieceSchema>;

/** How much of the file is there: where the next piece begins. */
export const receivedSchema = z.strictObject({ received: z.int().min(0) });
