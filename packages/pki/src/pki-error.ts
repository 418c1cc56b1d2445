/**
 * The one error class of this package. Every failure that a caller or an operator can cause ends here, with a code
 * to switch on and a message that says what, where and the likely cause. Private keys never enter a message.
 */

/** One thing wrong with an input. `path` is a JSON path such as `$.names[0].C`, or a field name. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/**
 * What kind of thing went wrong:
 * - `badSubject`, `badHost`, `badUri`, `badUsage`, `badExpiry`, `badKeyRequest`: an input in cfssl's vocabulary is wrong;
 * - `badJson`: a cfssl JSON file is wrong (`problems` has every finding);
 * - `badKey`, `badCertificate`, `badRequest`: a PEM text cannot be used;
 * - `keyMismatch`: a key and a certificate that should belong together do not;
 * - `authorityUnusable`: the CA certificate is expired, not valid yet, or not a CA;
 * - `selfCheckFailed`: what was just built does not read back as asked, a defect here; nothing was returned.
 */
export type PkiErrorCode =
  | 'badSubject'
  | 'badHost'
  | 'badUri'
  | 'badUsage'
  | 'badExpiry'
  | 'badKeyRequest'
  | 'badJson'
  | 'badKey'
  | 'badCertificate'
  | 'badRequest'
  | 'keyMismatch'
  | 'authorityUnusable'
  | 'selfCheckFailed';

export class PkiError extends Error {
  readonly code: PkiErrorCode;
  /** Every finding, where an input was checked as a whole; otherwise empty. */
  readonly problems: readonly Problem[];
  /** The same input fails the same way again. */
  readonly retryable = false;

  constructor(
    code: PkiErrorCode,
    message: string,
    more: { problems?: readonly Problem[]; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'PkiError';
    this.code = code;
    this.problems = more.problems ?? [];
  }
}

/** Throws one error that lists all problems, or nothing when there are none. */
export function throwProblems(code: PkiErrorCode, what: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.map((problem) => `${problem.path}: ${problem.message}`);
  const message = lines.length === 1 ? `${what}: ${lines[0]}` : `${what}:\n  ${lines.join('\n  ')}`;
  throw new PkiError(code, message, { problems });
}
