// Counting tests from the file vitest's JSON reporter writes.
import { existsSync, readFileSync } from 'node:fs';

/**
 * @param {string} file
 * @returns {{ passed: number, failed: number, skipped: number }} `skipped` includes todo. A file that failed before any
 *   of its tests could (it does not import, its hook threw) counts as one failure; without a file all are 0.
 */
export function countResults(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: 0 };
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const failedWhole = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + failedWhole.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** `12 passed, 0 failed`, with `, 3 skipped` only when there are any. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
