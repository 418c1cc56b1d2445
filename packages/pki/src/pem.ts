/**
 * PEM armour: exactly one block with an expected label, in and out. Knows nothing of what is inside.
 */
import { PkiError, type PkiErrorCode } from './pki-error.js';

/** A CSR of RSA 4096 with a dozen names has under 3 KiB; more than this is refused before anything is parsed. */
export const requestBytesMax = 16 * 1024;
/** A certificate of RSA 4096 with a hundred names has under 8 KiB. */
export const certificateBytesMax = 64 * 1024;

export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** PEM of a certificate that came as DER, as TLS hands it over. */
export function certificatePem(der: Uint8Array): string {
  return encodePem('CERTIFICATE', der);
}

/** What a PEM text must be to be read. */
export interface PemExpectation {
  /** Said to the reader when it is not: "the CSR", "the CA certificate". */
  readonly what: string;
  readonly labels: readonly string[];
  readonly bytesMax: number;
  readonly code: PkiErrorCode;
}

/**
 * The DER inside the one PEM block of `text`; text around the block (cfssl and openssl print some) is ignored.
 * Throws PkiError with the expectation's code when there is no block, more than one, another label, or bad base64.
 */
export function decodePem(text: string, expected: PemExpectation): Buffer {
  const fail = (message: string): never => {
    throw new PkiError(expected.code, `${expected.what} ${message}`);
  };
  const bytes = Buffer.byteLength(text);
  if (bytes > expected.bytesMax) fail(`is ${bytes} bytes long; the limit is ${expected.bytesMax}`);
  const begins = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)];
  const label = begins[0]?.[1];
  if (label === undefined) return fail('is not PEM: it has no "-----BEGIN ...-----" line');
  if (begins.length > 1) fail(`holds ${begins.length} PEM blocks; exactly one is expected`);
  if (!expected.labels.includes(label)) {
    fail(`is a PEM block "${label}"; expected "${expected.labels.join('" or "')}"`);
  }
  const start = (begins[0]?.index ?? 0) + `-----BEGIN ${label}-----`.length;
  const end = text.indexOf(`-----END ${label}-----`, start);
  if (end < 0) fail(`is cut short: it has no "-----END ${label}-----" line`);
  const base64 = text.slice(start, end).replaceAll(/[\r\n\t ]/g, '');
  if (base64 === '' || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    fail('is damaged: what stands between BEGIN and END is not base64');
  }
  return Buffer.from(base64, 'base64');
}
