/**
 * Errors that cross the wire. A fault knows its kind, whether trying again can help, and what the operator
 * might do; stacks and causes stay on the host where they arose.
 */
import { limits } from './limits.js';

/** JSON-RPC error codes: the standard five, then ours. */
export const faultCodes = {
  malformed: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** The caller's role may not call this method. */
  unauthorised: 4001,
  /** A safety gate said no; nothing was changed. */
  refused: 4002,
  /** The command is older than what the agent already knows. */
  staleGeneration: 4003,
  /** Too much at once; try again. */
  busy: 4004,
  /** The host could not do it (disk, permission, missing program). */
  failed: 4005,
} as const;
export type FaultKind = keyof typeof faultCodes;

const kindsByCode = new Map<number, FaultKind>(
  Object.entries(faultCodes).map(([kind, code]) => [code, kind as FaultKind]),
);

/** An error that an RPC handler throws on purpose, and that the caller receives. */
export class Fault extends Error {
  override readonly name = 'Fault';
  /** The likely remedy, in one sentence or one command. */
  readonly hint: string | undefined;

  constructor(
    readonly kind: FaultKind,
    message: string,
    hint?: string,
    options?: ErrorOptions,
  ) {
    // Cut here, so that no fault is too long for the wire.
    super(message.slice(0, limits.messageCharsMax), options);
    this.hint = hint?.slice(0, limits.messageCharsMax);
  }

  get retryable(): boolean {
    return this.kind === 'busy';
  }

  get code(): number {
    return faultCodes[this.kind];
  }

  /** What the other side said; a code this version does not know counts as `internal`. */
  static fromWire(code: number, message: string, hint: string | undefined): Fault {
    return new Fault(kindsByCode.get(code) ?? 'internal', message, hint);
  }
}

/** The connection ended, or the answer did not come in time: the outcome of the call is unknown. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  constructor(
    readonly kind: 'closed' | 'timeout' | 'overloaded',
    message: string,
    readonly closeCode?: number,
  ) {
    super(message);
  }
}
