// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and every test, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
//
// The simulation computes and waits for nothing; tests with real etcds mostly wait. They run beside each other, the
// simulation with what the others leave it.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runChecks } from './setup/checks.mjs';
import { capture, runInTerminal } from './setup/child.mjs';
import { runScript } from './setup/failure.mjs';
import { cache, root } from './setup/paths.mjs';
import { prepare } from './setup/prepare.mjs';
import { countResults, summaryLine } from './setup/test-results.mjs';

const vitest = join(root, 'node_modules', '.bin', 'vitest');
const results = join(cache, 'vitest');
/** The lowest priority but one. */
const niceness = 18;

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const failedChecks = await runChecks();
  const args = process.argv.slice(2);
  const beside = args.length === 0 ? runBeside(['--project', 'simulated'], etcd) : undefined;
  const codes = [
    await runVitest(
      beside === undefined
        ? args
        : ['unit', 'hosts', 'integration', 'timed'].flatMap((name) => ['--project', name]),
      etcd,
    ),
  ];
  const files = ['results'];
  if (beside !== undefined) {
    const { code, output } = await beside;
    process.stdout.write(output);
    codes.push(code);
    files.push('simulated');
  }
  const exitCode = codes.find((code) => code !== 0) ?? 0;
  const counts = sum(files.map((name) => countResults(fileOf(name))));
  console.log('');
  for (const sentence of missing) console.log(`not covered: ${sentence}`);
  for (const name of failedChecks) console.log(`failed: ${name} (its messages are above the tests)`);
  if (exitCode !== 0 && counts.failed === 0)
    console.log(`failed: vitest ended with exit code ${exitCode}, see above`);
  console.log(summaryLine(counts));
  return exitCode !== 0 ? exitCode : failedChecks.length > 0 || counts.failed > 0 ? 1 : 0;
});

function runVitest(args, etcd) {
  return runInTerminal(vitest, argsOf('results', args), { env: { ...process.env, ETCD_BIN: etcd } });
}

/** What it prints comes in one piece at its end. */
function runBeside(args, etcd) {
  console.log('the simulation runs beside the other tests; what it says comes after theirs');
  return capture(vitest, argsOf('simulated', args), { env: { ...process.env, ETCD_BIN: etcd }, niceness });
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

function sum(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const each of counts) for (const key of Object.keys(total)) total[key] += each[key];
  return total;
}
