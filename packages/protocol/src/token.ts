/**
 * The one-time join token that an operator carries from the coordinator to one host. It is a secret: it is
 * shown once, kept 0600, and never logged.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { nameSchema } from './identity.js';

const prefix = 'etcd-agent-join-v1.';

export const joinTokenSchema = z.strictObject({
  /** Names the token in records and logs without telling the secret. */
  id: z.uuid(),
  cluster: nameSchema,
  node: nameSchema,
  /** SHA-256 of the agent CA certificate's DER, lower-case hex: what the joining agent pins. */
  agentCaSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** 128 random bits, base64url. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  /** ISO 8601, UTC. */
  expiresAt: z.iso.datetime(),
});
export type JoinToken = z.infer<typeof joinTokenSchema>;

/** One line of text, as the operator sees it: the fields and a check against slips of the hand. */
export function encodeToken(token: JoinToken): string {
  const body = Buffer.from(JSON.stringify(joinTokenSchema.parse(token))).toString('base64url');
  return `${prefix}${body}.${checkOf(body)}`;
}

export type TokenReading =
  | { readonly kind: 'ok'; readonly token: JoinToken }
  | { readonly kind: 'malformed'; readonly why: string };

/** Reads what `encodeToken` wrote, white space around it ignored. The reason never quotes the text: it may be a secret. */
export function decodeToken(text: string): TokenReading {
  const line = text.trim();
  if (line === '') return { kind: 'malformed', why: 'the file is empty' };
  if (!line.startsWith(prefix)) return { kind: 'malformed', why: `it does not begin with ${prefix}` };
  if (/\s/.test(line))
    return { kind: 'malformed', why: 'it has white space inside: was it broken over two lines?' };
  const [body, check, ...rest] = line.slice(prefix.length).split('.');
  if (body === undefined || check !== checkOf(body) || rest.length > 0) {
    return { kind: 'malformed', why: 'it is cut short or altered' };
  }
  const parsed = joinTokenSchema.safeParse(jsonIn(body));
  if (!parsed.success) return { kind: 'malformed', why: 'a field is missing or of another version' };
  return { kind: 'ok', token: parsed.data };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

// Not a proof of anything: without it one wrong letter would look like a foreign CA or a wrong secret at the enrolment.
function checkOf(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 8);
}
