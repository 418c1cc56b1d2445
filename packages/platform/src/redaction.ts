/**
 * Takes secrets out of what is about to be logged: by the name of a field at any depth, and private keys in PEM
 * wherever they stand in a text. A net under careful callers, not a licence to log secrets.
 */

const redacted = '[redacted]';

const depthMax = 8;
const entriesMax = 200;

/** Whole names, lower case and without `_` and `-`. `key` is one: what is called just that is a private key or an etcd key. */
const secretNames = new Set([
  'key',
  'secret',
  'token',
  'password',
  'passphrase',
  'privatekey',
  'authorization',
  'pem',
]);
const secretEndings = /(secret|token|password|passphrase|privatekey|keypem|privatepem)$/;

/** Also a block that is cut off before its end, also with the line feeds that JSON writes as `\n`. */
const privateKeyBlock =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:\\+[nr]|[\sA-Za-z0-9+/=:,]|-(?!-))*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?/g;

/** The text without private keys. */
export function redactText(text: string): string {
  return text.includes('PRIVATE KEY') ? text.replace(privateKeyBlock, redacted) : text;
}

export interface ErrorSerializer {
  serializeError(error: Error): unknown;
}

/** A copy of the fields without secrets; errors become plain objects, bytes become their count. */
export function redactObject(fields: object, errors: ErrorSerializer): Record<string, unknown> {
  return redactEntries(fields, errors, 0);
}

function redactEntries(value: object, errors: ErrorSerializer, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value).slice(0, entriesMax)) {
    copy[name] =
      isSecret(name) && inner !== undefined && inner !== null
        ? redacted
        : redactValue(inner, errors, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, errors: ErrorSerializer, depth: number): unknown {
  if (typeof value === 'bigint') {
    return value.toString();
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (depth > depthMax) {
    return '[deeper than logged]';
  }
  if (value instanceof Uint8Array) {
    return `[${value.byteLength} bytes]`;
  }
  if (value instanceof Error) {
    return redactEntries(errors.serializeError(value) as object, errors, depth);
  }
  if (Array.isArray(value)) {
    return value.slice(0, entriesMax).map((inner) => redactValue(inner, errors, depth + 1));
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    return redactValue(toJSON.call(value), errors, depth + 1);
  }
  return redactEntries(value, errors, depth);
}

function isSecret(name: string): boolean {
  const plain = name.toLowerCase().replace(/[_-]/g, '');
  return secretNames.has(plain) || secretEndings.test(plain);
}
