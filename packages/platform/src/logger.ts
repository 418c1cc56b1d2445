/**
 * The log: one JSON object per line, written synchronously so that the last line before a crash is there. Secrets are
 * taken out here, once, for everybody; see redaction.ts. What is logged where is the caller's business.
 */
import type { Writable } from 'node:stream';
import { redactObject, redactText } from './redaction.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LogMethod {
  /** Fields first, message second; an Error goes into the field `err`. */
  (fields: object, message?: string): void;
  (message: string): void;
}

/** What the product uses of a logger. pino's own logger is one. */
export interface Logger {
  readonly trace: LogMethod;
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A logger that adds these fields to every line. */
  child(fields: Record<string, unknown>): Logger;
}

export interface LoggerOptions {
  /** Which program writes, e.g. `etcd-agent`. */
  readonly name: string;
  readonly node?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Left out: stderr. A path is appended to and made with its directory. */
  readonly destination?: string | Writable;
}

/** Makes a logger. Asynchronous only because pino is loaded here and not by everybody who imports this package. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const { name, node, level = 'info', destination } = options;
  // By its default export: of a CommonJS module that is loaded late, a bundle has no other.
  const { default: pino } = await import('pino');
  const plainErrors = { serializeError: (error: Error): unknown => pino.stdSerializers.err(error) };
  const stream =
    destination === undefined || typeof destination === 'string'
      ? pino.destination({ dest: destination ?? 2, sync: true, mkdir: true, mode: 0o640 })
      : destination;
  const logger = pino(
    {
      level,
      base: node === undefined ? { name } : { name, node },
      timestamp: pino.stdTimeFunctions.isoTime,
      // The formatter below has already made plain objects of errors, at every depth.
      serializers: { err: (error: unknown) => error },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redactObject(fields, plainErrors),
      },
      hooks: { streamWrite: redactText },
    },
    stream,
  );
  // pino does not pass the fields of a child through the formatters; its children inherit this method.
  const plainChild = logger.child;
  logger.child = function child(this: typeof logger, fields: object) {
    return plainChild.call(this, redactObject(fields, plainErrors));
  } as typeof logger.child;
  const narrowed: Logger = logger;
  return narrowed;
}

const ignore: LogMethod = () => undefined;

/** Writes nothing. */
export const silentLogger: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
  child: () => silentLogger,
};
