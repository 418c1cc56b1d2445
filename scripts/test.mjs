// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and every test, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
//
// Tests on booted hosts mostly wait. Beside them, with what they leave of a small machine, goes what computes and waits for nothing:
// the checks, the unit tests and the simulation. Tests with real etcds keep both cores busy by themselves and come after that.
import { runChecks } from './setup/checks.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { summaryLine } from './setup/test-results.mjs';
import { countRuns, runVitest, runVitestBeside } from './setup/vitest.mjs';

/** The lowest priority but one. */
const niceness = 18;

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const env = { ...process.env, ETCD_BIN: etcd };
  const args = process.argv.slice(2);
  const failedChecks = [];
  const codes = [];
  const runs = [];
  const run = async (name, words, nice = 0) => {
    runs.push(name);
    codes.push(await runVitest(name, words, env, nice));
  };
  const projects = (...names) => names.flatMap((name) => ['--project', name]);
  if (args.length > 0) {
    failedChecks.push(...(await runChecks()));
    await run('chosen', args);
  } else {
    console.log(
      'tests on booted hosts run beside what follows; what they say comes before the tests with real etcds',
    );
    runs.push('hosts');
    const hosts = runVitestBeside('hosts', projects('hosts'), env);
    failedChecks.push(...(await runChecks()));
    await run('computed', projects('unit', 'simulated'), niceness);
    const { code, output } = await hosts;
    process.stdout.write(output);
    codes.push(code);
    await run('real', projects('integration', 'timed'));
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
