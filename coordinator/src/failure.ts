/**
 * What a command ends with: exit codes that scripts may rely on, and the one error that a person sees.
 */

/** Documented in docs/OPERATIONS.md; a number never changes its meaning. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  degraded: 3,
  noQuorum: 4,
  unreachable: 5,
  refused: 6,
  identity: 7,
  interrupted: 130,
} as const;
export type ExitName = keyof typeof exitCodes;

/** The parts of an error that help: what failed, where, why probably, and what to do now. */
export interface FailureParts {
  readonly exit: ExitName;
  readonly what: string;
  /** Files, lines, hosts: one entry each. */
  readonly where?: readonly string[];
  readonly cause?: string;
  /** The next command, or the next thing to do by hand; several, one a line. */
  readonly next?: string;
}

/** An error with its exit code, printed once at the top. */
export class Failure extends Error {
  override readonly name = 'Failure';
  constructor(
    readonly parts: FailureParts,
    options?: ErrorOptions,
  ) {
    super(parts.what, options);
  }

  get exitCode(): number {
    return exitCodes[this.parts.exit];
  }
}
