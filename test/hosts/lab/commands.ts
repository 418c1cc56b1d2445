/**
 * Programs that the lab runs: fixed argument lists, a clean environment, a deadline on each. What a program printed is
 * part of every error, because a lab that fails for a reason nobody sees is worse than none.
 */
import { execFile } from 'node:child_process';
import { restAfterLook } from '../../support/wait.js';

export interface Output {
  /** Exit status; 128 + signal number is not made up: a program that was killed has `null`. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  /** Default 2 min: a machine may be busy with others. */
  readonly timeoutMs?: number;
}

/** Nothing of the developer's shell reaches the hosts. */
export const cleanEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/root',
  DEBIAN_FRONTEND: 'noninteractive',
};

/** Runs a program to its end, whatever its exit status. Rejects only when it cannot be started. */
export function run(
  program: string,
  args: readonly string[],
  { input = '', timeoutMs = 120_000 }: CommandOptions = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      { env: cleanEnvironment, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 32 * 1024 ** 2 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'string') reject(new Error(`${program}: ${code}`, { cause: error }));
        else resolve({ code: code ?? null, stdout, stderr });
      },
    );
    // A program that ends without reading its input is no error of ours.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Runs a program that must succeed; returns what it wrote to stdout. */
export async function must(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const output = await run(program, args, options);
  if (output.code !== 0) throw new Error(describe([program, ...args], output));
  return output.stdout;
}

export function describe(words: readonly string[], { code, stdout, stderr }: Output): string {
  const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n');
  return `${words.join(' ')}: ${code === null ? 'killed at its deadline' : `exit status ${code}`}\n${tail}`;
}

const againMs = 250;

/** Asks `probe` until it gives a value; rejects at the deadline with what it said last. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<{ readonly value: T } | { readonly notYet: string }>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const beganMs = performance.now();
    const outcome = await probe();
    if ('value' in outcome) return outcome.value;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${timeoutMs} ms; last: ${outcome.notYet}`);
    }
    await restAfterLook(beganMs, againMs);
  }
}
