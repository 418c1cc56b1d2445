/**
 * JSON-RPC 2.0 messages as text and back. Only what this protocol uses: no batches, no notifications, integer ids.
 */
import { z } from 'zod';
import { limits } from './limits.js';

const id = z.int().min(0);
const requestSchema = z.strictObject({
  jsonrpc: z.literal('2.0'),
  id,
  method: z.string().min(1).max(64),
  params: z.record(z.string(), z.unknown()),
});
const resultSchema = z.strictObject({ jsonrpc: z.literal('2.0'), id, result: z.unknown() });
const errorSchema = z.strictObject({
  jsonrpc: z.literal('2.0'),
  id,
  error: z.strictObject({
    code: z.int(),
    message: z.string().max(limits.messageCharsMax),
    data: z.strictObject({ hint: z.string().max(limits.messageCharsMax) }).optional(),
  }),
});

export type Request = z.infer<typeof requestSchema>;
export type Result = z.infer<typeof resultSchema>;
export type Failure = z.infer<typeof errorSchema>;
export type Message =
  | ({ kind: 'request' } & Omit<Request, 'jsonrpc'>)
  | ({ kind: 'result' } & Omit<Result, 'jsonrpc'>)
  | ({ kind: 'failure' } & Omit<Failure, 'jsonrpc'>);

/** Text of one frame. Throws a RangeError when it would be larger than a frame may be. */
export function encodeMessage(message: Message): string {
  const { kind: _, ...rest } = message;
  const text = JSON.stringify({ jsonrpc: '2.0', ...rest });
  if (Buffer.byteLength(text) > limits.frameBytesMax)
    throw new RangeError('message is larger than a frame may be');
  return text;
}

/** The message in a frame, or undefined where the frame holds none. */
export function decodeMessage(text: string): Message | undefined {
  if (text.length > limits.frameBytesMax) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  if ('method' in body) return withKind('request', requestSchema.safeParse(body).data);
  if ('error' in body) return withKind('failure', errorSchema.safeParse(body).data);
  if ('result' in body) return withKind('result', resultSchema.safeParse(body).data);
  return undefined;
}

function withKind<K extends Message['kind'], T extends { jsonrpc: string }>(kind: K, data: T | undefined) {
  if (data === undefined) return undefined;
  const { jsonrpc: _, ...rest } = data;
  return { kind, ...rest } as unknown as Message;
}
