// Counting tests from the file vitest's JSON reporter writes.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './paths.mjs';

/**
 * @param {string} file
 * @returns {{ passed: number, failed: number, skipped: number, failures: string[], notRun: string[] }} `skipped` includes
 *   todo. `notRun`: what is not run on this machine, and why, as the title of a skipped test has it. A file that
 *   failed before any of its tests could (it does not import, its hook threw) counts as one failure. `failures`: for each,
 *   where it is and the first line of what it says. Without a file all are 0.
 */
export function countResults(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0, failures: [], notRun: [] };
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const failures = results.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((assertion) => assertion.status === 'failed');
    const path = relative(root, name);
    if (status === 'failed' && failed.length === 0) return [tell(path, message)];
    return failed.map(({ fullName, failureMessages }) => tell(`${path}, ${fullName}`, failureMessages[0]));
  });
  const skipped = results.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => !['passed', 'failed'].includes(status)),
  );
  return {
    passed: results.numPassedTests,
    failed: failures.length,
    skipped: results.numPendingTests + results.numTodoTests,
    failures,
    notRun: skipped.map(({ title }) => title).filter((title) => title.includes('(not run here: ')),
  };
}

function tell(where, message = '') {
  return `${where}: ${message.split('\n')[0]}`;
}

/** A line for each failure, then `12 passed, 0 failed`, with `, 3 skipped` only when there are any. */
export function summary({ passed, failed, skipped, failures }) {
  const counted = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  return [...failures.map((failure) => `failed: ${failure}`), counted].join('\n');
}
