// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and every test, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
//
// Tests with real etcds keep both cores of a small machine busy. Those on booted hosts mostly wait, so they come after them, and
// beside them the simulation, which computes and waits for nothing, with what the hosts leave it.
import { runChecks } from './setup/checks.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { summaryLine } from './setup/test-results.mjs';
import { countRuns, runVitest, runVitestBeside } from './setup/vitest.mjs';

/** The lowest priority but one. */
const niceness = 18;

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const failedChecks = await runChecks();
  const env = { ...process.env, ETCD_BIN: etcd };
  const args = process.argv.slice(2);
  const projects = (...names) => names.flatMap((name) => ['--project', name]);
  const runs = ['results'];
  const first = args.length > 0 ? args : projects('unit', 'integration', 'timed');
  const codes = [await runVitest('results', first, env)];
  if (args.length === 0) {
    console.log('the simulation runs beside the hosts; what it says comes at the end');
    const simulated = runVitestBeside('simulated', projects('simulated'), env, niceness);
    codes.push(await runVitest('hosts', projects('hosts'), env));
    const { code, output } = await simulated;
    process.stdout.write(output);
    codes.push(code);
    runs.push('hosts', 'simulated');
  }
  const exitCode = codes.find((code) => code !== 0) ?? 0;
  const counts = countRuns(runs);
  console.log('');
  for (const sentence of missing) console.log(`not covered: ${sentence}`);
  for (const name of failedChecks) console.log(`failed: ${name} (its messages are above the tests)`);
  if (exitCode !== 0 && counts.failed === 0)
    console.log(`failed: vitest ended with exit code ${exitCode}, see above`);
  console.log(summaryLine(counts));
  return exitCode !== 0 ? exitCode : failedChecks.length > 0 || counts.failed > 0 ? 1 : 0;
});
