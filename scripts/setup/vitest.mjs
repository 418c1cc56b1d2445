// Runs of vitest, each with a file of results that is counted at the end.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, runInTerminal } from './child.mjs';
import { cache, root } from './paths.mjs';
import { countResults, summary } from './test-results.mjs';

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

/**
 * Says how the runs with these names have ended, and returns the exit code: 0 only when all tests and checks passed.
 * @param {string[]} names
 * @param {(number | null)[]} codes of their vitests
 * @param {{ missing?: string[], failedChecks?: string[] }} more `missing`: sentences on what could not be tested
 */
export function conclude(names, codes, { missing = [], failedChecks = [] } = {}) {
  const code = codes.find((each) => each !== 0) ?? 0;
  const counts = countRuns(names);
  console.log('');
  for (const sentence of new Set([...missing, ...counts.notRun])) console.log(`not covered: ${sentence}`);
  for (const name of failedChecks) console.log(`failed: ${name} (its messages are above the tests)`);
  if (code !== 0 && counts.failed === 0)
    console.log(`failed: vitest ended with exit code ${code}, see above`);
  console.log(summary(counts));
  return code !== 0 ? code : failedChecks.length > 0 || counts.failed > 0 ? 1 : 0;
}

/** All tests of runs with these names. */
function countRuns(names) {
  const counts = names.map((name) => countResults(fileOf(name)));
  const sum = (key) => counts.reduce((total, each) => total + each[key], 0);
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    failures: counts.flatMap(({ failures }) => failures),
    notRun: counts.flatMap(({ notRun }) => notRun),
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
