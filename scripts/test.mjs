// npm test [-- vitest arguments]: sets up what the tests need, runs the checks and the tests, and ends with one line
// that counts them. Exit code 0 only when the checks and all tests passed.
//
// Tests on booted hosts and with real etcds mostly wait, and time each other out where too many are at work: they go one kind after
// the other. Beside both, with what they leave of a small machine, goes what computes and waits for nothing: the unit tests and the
// simulation. Of what is much the same, this runs some: a row on one version of etcd, a loopback row that booted hosts do not tell.
// `npm run test:thorough` runs all.
import { runtimeOrOwn } from '../packaging/runtime.mjs';
import { runChecks } from './setup/checks.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { conclude, runVitest, runVitestBeside } from './setup/vitest.mjs';

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const env = { ...process.env, ETCD_BIN: etcd };
  const args = process.argv.slice(2);
  const failedChecks = [];
  const codes = [];
  const runs = [];
  const run = async (name, words) => {
    runs.push(name);
    codes.push(await runVitest(name, words, env));
  };
  const projects = (...names) => names.flatMap((name) => ['--project', name]);
  if (args.length > 0) {
    failedChecks.push(...(await runChecks()));
    await run('chosen', args);
  } else {
    console.log('unit tests and the simulation run beside what follows; what they say comes at the end');
    runs.push('computed');
    const runtime = await runtimeOrOwn();
    const computed = (async () => {
      failedChecks.push(...(await runChecks()));
      return runVitestBeside('computed', projects('unit', 'simulated'), {
        ...env,
        ETCD_AGENT_TEST_RUNTIME: runtime,
      });
    })();
    // Awaited below: what is wrong with it is told then.
    computed.catch(() => {});
    await run('hosts', projects('hosts'));
    await run('real', projects('integration'));
    // Compares what etcd does by the second: beside no other etcd.
    await run('timed', projects('timed'));
    const { code, output } = await computed;
    process.stdout.write(output);
    codes.push(code);
  }
  return conclude(runs, codes, { missing, failedChecks });
});
