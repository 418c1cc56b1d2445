/**
 * JSON-RPC 2.0 messages as text and back. Only what this protocol uses: no batches, no notifications, integer ids.
 */
import * as z from 'zod';
import { limits } from './limits.js';

const envelope = { jsonrpc: z.literal('2.0'), id: z.int().min(0) };
const errorText = z.string().max(limits.messageCharsMax);

const request = z.strictObject({
  ...envelope,
  method: z.string().min(1).max(64),
  params: z.record(z.string(), z.unknown()),
});
const result = z.strictObject({ ...envelope, result: z.unknown() });
const failure = z.strictObject({
  ...envelope,
  error: z.strictObject({
    code: z.int(),
    message: errorText,
    data: z.strictObject({ hint: errorText }).optional(),
  }),
});

// Strict, so that a message is of one kind at most.
const messageSchema = z.union([
  request.transform(({ jsonrpc: _, ...rest }) => ({ kind: 'request' as const, ...rest })),
  result.transform(({ jsonrpc: _, ...rest }) => ({ kind: 'result' as const, ...rest })),
  failure.transform(({ jsonrpc: _, ...rest }) => ({ kind: 'failure' as const, ...rest })),
]);
export type Message = z.infer<typeof messageSchema>;

/** Text of one frame. Throws a RangeError when it would be larger than a frame may be. */
export function encodeMessage({ kind: _, ...body }: Message): string {
  const text = JSON.stringify({ jsonrpc: '2.0', ...body });
  if (Buffer.byteLength(text) > limits.frameBytesMax)
    throw new RangeError('message is larger than a frame may be');
  return text;
}

/** The message in a frame, or undefined where the frame holds none. Never throws. */
export function decodeMessage(text: string): Message | undefined {
  if (Buffer.byteLength(text) > limits.frameBytesMax) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  return messageSchema.safeParse(body).data;
}
