/** The two programs under test, run as people run them: the real files, an environment of their own, an end in bounded time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** ETCD_AGENT_TEST_ROOT runs the programs of another checkout: a copy that was broken on purpose. */
const programsRoot = process.env.ETCD_AGENT_TEST_ROOT ?? root;

export const programs = {
  coordinator: resolve(programsRoot, 'coordinator/bin/coordinator.js'),
  agent: resolve(programsRoot, 'agent/bin/etcd-agent.js'),
} as const;

/** Longest that any run of a program may take before the test ends it: no test waits for ever. */
const runMsMax = 90_000;

export interface RunOptions {
  /** What the program reads; without it, its standard input is empty. */
  readonly stdin?: string;
  /** Added to an environment that holds PATH and HOME only. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface Outcome {
  /** Exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** A program while it runs. */
export interface Running {
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Called with every whole line of stderr, from the next one on. */
  onLine(listener: (line: string) => void): void;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

/** Starts a file; a `.js` file runs under this very node. Its end never rejects; after `timeoutMs` it is SIGKILLed. */
export function startProgram(file: string, args: readonly string[], options: RunOptions = {}): Running {
  const began = performance.now();
  const [command, first] = file.endsWith('.js') ? [process.execPath, [file]] : [file, []];
  const child = spawn(command, [...first, ...args], { env: environment(options.env) });
  const killer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? runMsMax);
  const output = { stdout: '', stderr: '' };
  const listeners: ((line: string) => void)[] = [];
  let partial = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output.stderr += chunk;
    const lines = (partial + chunk).split('\n');
    partial = lines.pop()!;
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  return {
    pid: child.pid!,
    stderr: () => output.stderr,
    onLine: (listener) => void listeners.push(listener),
    kill: (signal) => void child.kill(signal),
    ended: endOf(child).then(({ code, signal }) => {
      clearTimeout(killer);
      return { code, signal, ...output, tookMs: performance.now() - began };
    }),
  };
}

/** Runs a file to its end. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return startProgram(file, args, options).ended;
}

/** Everything a person would want to see when an outcome is not the expected one. */
export function describeOutcome({ code, signal, stdout, stderr, tookMs }: Outcome): string {
  return `ended with ${signal ?? code} after ${Math.round(tookMs)} ms\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
}

function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/** Nothing of the caller's ETCD_…, ETCDCTL_… or COORDINATOR_… settings: a test says itself what it means. */
function environment(more: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8', ...more };
}
