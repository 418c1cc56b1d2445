/**
 * Runs one program to its end with a deadline and an output limit, never through a shell. The outcome is a value:
 * callers decide what a non-zero exit means. Long-lived children (etcd) do not belong here.
 */
import { spawn } from 'node:child_process';

export interface RunOptions {
  /** After this many milliseconds the program and its children are killed. */
  readonly timeoutMs: number;
  /** Limit for stdout and for stderr each; one byte more kills the program. Default 1 MiB. */
  readonly maxBytes?: number;
  /** The whole environment. Left out: a system PATH and LC_ALL=C, so that output is the same everywhere. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it reads on stdin; left out: nothing, stdin is closed. */
  readonly input?: string;
  /** Once aborted, the program and its children are killed: it was `signalled`. */
  readonly signal?: AbortSignal;
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export type ProgramResult = Output &
  (
    | { readonly kind: 'exited'; readonly code: number }
    | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals }
    | { readonly kind: 'timedOut'; readonly timeoutMs: number }
    | { readonly kind: 'tooMuchOutput'; readonly maxBytes: number }
    /** The program could not be started at all; `code` is the errno name, `ENOENT` when there is no such program. */
    | { readonly kind: 'notStarted'; readonly code: string; readonly message: string }
  );

/** What a program gets when the caller names no environment. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
};

/** Runs `file` with `args`. Never throws and never rejects. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<ProgramResult> {
  const { timeoutMs, maxBytes = 1024 * 1024, env = plainEnvironment, cwd, input, signal } = options;
  return new Promise((resolve) => {
    // Detached makes it a process group of its own, so that a deadline also ends what it started.
    const child = spawn(file, args, {
      cwd,
      env: { ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    // A program that ends without reading its input is no error.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    const abort = () => killGroup(child.pid);
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let verdict:
      | { kind: 'timedOut'; timeoutMs: number }
      | { kind: 'tooMuchOutput'; maxBytes: number }
      | undefined;
    const end = (why: NonNullable<typeof verdict>) => {
      verdict ??= why;
      killGroup(child.pid);
      // A grandchild that left the group could hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => end({ kind: 'timedOut', timeoutMs }), timeoutMs);
    for (const name of ['stdout', 'stderr'] as const) {
      let total = 0;
      child[name].on('data', (chunk: Buffer) => {
        total += chunk.length;
        if (total > maxBytes) {
          end({ kind: 'tooMuchOutput', maxBytes });
        } else {
          collected[name].push(chunk);
        }
      });
    }
    const output = (): Output => ({ stdout: text(collected.stdout), stderr: text(collected.stderr) });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      resolve({ kind: 'notStarted', code: error.code ?? 'UNKNOWN', message: error.message, ...output() });
    });
    child.on('close', (code, endedBy) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (verdict !== undefined) {
        resolve({ ...verdict, ...output() });
      } else if (endedBy !== null) {
        resolve({ kind: 'signalled', signal: endedBy, ...output() });
      } else {
        resolve({ kind: 'exited', code: code ?? -1, ...output() });
      }
    });
  });
}

/** One line that says how a program ended, for error messages. */
export function describeResult(program: string, result: ProgramResult): string {
  const said = (result.stderr || result.stdout).trim().split('\n').slice(-3).join(' / ').slice(0, 500);
  const suffix = said === '' ? '' : `: ${said}`;
  switch (result.kind) {
    case 'exited':
      return `${program} exited with ${result.code}${suffix}`;
    case 'signalled':
      return `${program} was ended by ${result.signal}${suffix}`;
    case 'timedOut':
      return `${program} did not finish within ${result.timeoutMs} ms${suffix}`;
    case 'tooMuchOutput':
      return `${program} wrote more than ${result.maxBytes} bytes`;
    case 'notStarted':
      return `${program} could not be started: ${result.message}`;
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
