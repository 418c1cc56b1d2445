// Runs a program of this checkout: its bundle, which is the same in one file and halves the CPU of a start. A package has a start
// of its own (packaging/contents.mjs).
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runBundle } from './compiled-code.mjs';
import { root } from './paths.mjs';

/** @param {'agent' | 'coordinator'} program */
export async function runProgram(program) {
  quietDeprecation();
  const bundle = join(root, program, 'bundle', 'main.cjs');
  if (isUpToDate(bundle)) runBundle(bundle);
  else await import(pathToFileURL(join(root, program, 'dist', 'main.js')).href);
}

/**
 * grpc-js passes an IP address as TLS server name, which Node remarks on once per process (DEP0123). The connection is
 * checked against the address all the same; an operator could do nothing about the remark.
 */
function quietDeprecation() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (!rest.includes('DEP0123')) emitWarning.call(process, warning, ...rest);
  };
}

/**
 * `npm run build` makes the bundle after the compiler. Who ran only the compiler must not be shown yesterday's program, so a
 * bundle that is older than what the compiler last said of any project is passed over. In doubt the answer is no: dist is
 * slower, and always right.
 */
function isUpToDate(bundle) {
  try {
    const madeMs = statSync(bundle).mtimeMs;
    const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
    return ['agent', 'coordinator', ...packages].every((project) => {
      const compiled = join(root, project, 'tsconfig.tsbuildinfo');
      return (statSync(compiled, { throwIfNoEntry: false })?.mtimeMs ?? 0) <= madeMs;
    });
  } catch {
    return false;
  }
}
