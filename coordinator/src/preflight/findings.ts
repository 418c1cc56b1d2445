/** One line of a preflight: what was looked at on which node, and how it is. */
export interface Finding {
  readonly node: string;
  readonly check: string;
  readonly result: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it. */
  readonly next?: string;
}
