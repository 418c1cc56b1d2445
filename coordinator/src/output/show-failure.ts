/** An error as a person sees it, on stderr. */
import { FileError } from '@etcd-agent/platform';
import { exitCodes, Failure } from '../failure.js';

/** What failed, where, the likely cause, the next command; and the exit code. */
export function showFailure(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof FileError) return showFailure(ofThisHost(error));
  if (!(error instanceof Failure)) return unexpected(error);
  const { what, where, cause, next } = error.parts;
  const lines = [`error: ${what}`];
  for (const place of where ?? []) lines.push(`  where: ${place}`);
  if (cause !== undefined) lines.push(`  cause: ${cause}`);
  for (const [index, line] of (next ?? '').split('\n').entries()) {
    if (line !== '') lines.push(`${index === 0 ? '  next: ' : '        '} ${line}`);
  }
  return { text: `${lines.join('\n')}\n`, exitCode: error.exitCode };
}

// The state directory is on a disk like any other.
function ofThisHost(error: FileError): Failure {
  const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
  const next = full ? `make room (df ${error.path})` : `look at its owner and mode (ls -ld ${error.path})`;
  return new Failure({
    exit: 'failed',
    what: error.message,
    next: `${next}, then run the same command again`,
  });
}

function unexpected(error: unknown): { text: string; exitCode: number } {
  const message = error instanceof Error ? error.message : String(error);
  const stack =
    process.env.COORDINATOR_DEBUG !== undefined && error instanceof Error ? `\n${error.stack}` : '';
  const hint =
    stack === '' ? '  next:  run again with COORDINATOR_DEBUG=1 for the stack, and report it\n' : '';
  return { text: `error: ${message}${stack}\n${hint}`, exitCode: exitCodes.failed };
}
