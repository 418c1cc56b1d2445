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
  const counts = names.map((name) => countResults(fileOf(name)));
  const sum = (key) => counts.reduce((total, each) => total + each[key], 0);
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    failures: counts.flatMap(({ failures }) => failures),
  };
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
