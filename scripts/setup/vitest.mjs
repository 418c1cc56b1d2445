// Runs of vitest, each with a file of results that is counted at the end.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, runInTerminal } from './child.mjs';
import { cache, root } from './paths.mjs';
import { countResults } from './test-results.mjs';

const vitest = join(root, 'node_modules', '.bin', 'vitest');
const results = join(cache, 'vitest');
/** The lowest priority but one. */
const niceness = 18;

/**
 * On our own terminal; returns the exit code.
 * @param {string} name of its results
 * @param {string[]} args vitest's
 */
export function runVitest(name, args, env) {
  return runInTerminal(vitest, argsOf(name, args), { env });
}

/** Beside others, with what they leave of the machine; what it prints comes in one piece at its end. */
export function runVitestBeside(name, args, env) {
  return capture(vitest, argsOf(name, args), { env, niceness });
}

/** All tests of runs with these names. */
export function countRuns(names) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const name of names) {
    const counts = countResults(fileOf(name));
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  return total;
}

function argsOf(name, args) {
  const file = fileOf(name);
  mkdirSync(results, { recursive: true });
  // Away first: a run that dies must not be counted by what the run before it left.
  rmSync(file, { force: true });
  return ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args];
}

function fileOf(name) {
  return join(results, `${name}.json`);
}
