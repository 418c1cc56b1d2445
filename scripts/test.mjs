// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and every test, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runChecks } from './setup/checks.mjs';
import { runInTerminal } from './setup/child.mjs';
import { runScript } from './setup/failure.mjs';
import { cache, root } from './setup/paths.mjs';
import { prepare } from './setup/prepare.mjs';
import { countResults, summaryLine } from './setup/test-results.mjs';

const resultFile = join(cache, 'vitest', 'results.json');

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const failedChecks = await runChecks();
  const exitCode = await runVitest(process.argv.slice(2), etcd);
  const counts = countResults(resultFile);
  console.log('');
  for (const sentence of missing) console.log(`not covered: ${sentence}`);
  for (const name of failedChecks) console.log(`failed: ${name} (its messages are above the tests)`);
  if (exitCode !== 0 && counts.failed === 0)
    console.log(`failed: vitest ended with exit code ${exitCode}, see above`);
  console.log(summaryLine(counts));
  return exitCode !== 0 ? exitCode : failedChecks.length > 0 || counts.failed > 0 ? 1 : 0;
});

function runVitest(args, etcd) {
  mkdirSync(dirname(resultFile), { recursive: true });
  // Away first: a run that dies must not be counted by what the run before it left.
  rmSync(resultFile, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`];
  return runInTerminal(join(root, 'node_modules', '.bin', 'vitest'), ['run', ...reporters, ...args], {
    env: { ...process.env, ETCD_BIN: etcd },
  });
}
