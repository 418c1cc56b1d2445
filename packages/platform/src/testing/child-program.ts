/**
 * Lets a test run this package's sources in a process of its own, which can then be killed at any point: the sources
 * are transpiled as they are now, so that no earlier build is tested by mistake. For tests only.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { onTestFinished } from 'vitest';

export interface ChildProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The next line it prints; rejects when it ends first. */
  line(): Promise<string>;
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>;
}

/** Runs `body` as an ES module beside the transpiled sources: `import { … } from './exclusive.js'` works in it. */
export function runChildProgram(body: string, args: readonly string[] = []): ChildProgram {
  const directory = transpiledSources();
  const program = join(directory, `program-${Math.random().toString(36).slice(2)}.js`);
  writeFileSync(program, body);
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'exit');
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    pid: child.pid ?? 0,
    async line() {
      const next = await lines.next();
      if (next.done) {
        throw new Error('the child program ended without another line');
      }
      return next.value;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

let sources: string | undefined;

/**
 * For the `afterAll` of every file that runs child programs. It cannot be registered here: what test files import is loaded
 * once for all files of a process.
 */
export function removeTranspiledSources(): void {
  if (sources === undefined) return;
  rmSync(sources, { recursive: true, force: true });
  sources = undefined;
}

function transpiledSources(): string {
  if (sources !== undefined) {
    return sources;
  }
  const from = fileURLToPath(new URL('..', import.meta.url));
  const to = mkdtempSync(join(tmpdir(), 'platform-sources-'));
  const names = readdirSync(from).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  buildSync({
    entryPoints: names.map((name) => join(from, name)),
    outdir: to,
    format: 'esm',
    target: 'es2022',
  });
  writeFileSync(join(to, 'package.json'), '{"type":"module"}');
  sources = to;
  return to;
}
