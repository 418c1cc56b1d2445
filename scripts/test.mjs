// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and every test, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
//
// The simulation computes and waits for nothing; tests with real etcds mostly wait, those on booted hosts still more. They
// run beside each other, the simulation with what the others leave it.
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
  const beside = args.length === 0 ? runBeside(env) : [];
  const codes = [
    await runVitest(
      'results',
      args.length > 0 ? args : ['unit', 'integration', 'timed'].flatMap((name) => ['--project', name]),
      env,
    ),
  ];
  for (const { run } of beside) {
    const { code, output } = await run;
    process.stdout.write(output);
    codes.push(code);
  }
  const exitCode = codes.find((code) => code !== 0) ?? 0;
  const counts = countRuns(['results', ...beside.map(({ name }) => name)]);
  console.log('');
  for (const sentence of missing) console.log(`not covered: ${sentence}`);
  for (const name of failedChecks) console.log(`failed: ${name} (its messages are above the tests)`);
  if (exitCode !== 0 && counts.failed === 0)
    console.log(`failed: vitest ended with exit code ${exitCode}, see above`);
  console.log(summaryLine(counts));
  return exitCode !== 0 ? exitCode : failedChecks.length > 0 || counts.failed > 0 ? 1 : 0;
});

function runBeside(env) {
  console.log('the simulation and the hosts run beside the other tests; what they say comes after theirs');
  return ['hosts', 'simulated'].map((name) => ({
    name,
    run: runVitestBeside(name, ['--project', name], env, name === 'simulated' ? niceness : 0),
  }));
}
