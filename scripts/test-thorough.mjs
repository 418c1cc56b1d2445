// npm run test:thorough -- [vitest arguments]: what npm test samples, whole: every simulated step and scenario, every row on booted
// hosts and with real etcds, and those of healing, restoring, recovering and room on each version of etcd. And what rpmlint and
// lintian say of the packages. Arguments choose among the tests with real etcds, which are then run on each version, and nothing
// else. Exit code 0 only when all tests passed.
import { runInTerminal } from './setup/child.mjs';
import { testedSuites } from './setup/etcd.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { conclude, runVitest } from './setup/vitest.mjs';

const onEachVersion = ['heal-', 'restore', 'recover', 'data-room'];

await runScript(async () => {
  const { etcd, missing } = await prepare({ forTests: true });
  const given = process.argv.slice(2);
  const runs = [];
  const codes = [];
  const run = async (name, words, more = {}) => {
    console.log(name);
    runs.push(name);
    const env = { ...process.env, ETCD_BIN: etcd, ETCD_AGENT_TEST_THOROUGH: '1', ...more };
    codes.push(await runVitest(name, words, env));
  };
  const failedChecks = [];
  if (given.length === 0) {
    if ((await runInTerminal(process.execPath, ['scripts/package.mjs', '--lint'])) !== 0)
      failedChecks.push('npm run package -- --lint');
    await run('thorough-simulated', [
      ...['--project', 'unit', '--project', 'simulated'],
      'test/worlds/simulated',
    ]);
    await run('thorough-hosts', ['--project', 'hosts']);
    await run('thorough-real', ['--project', 'integration']);
  }
  const files = given.length > 0 ? given : onEachVersion;
  for (const version of Object.values(testedSuites))
    await run(`thorough-${version}`, ['--project', 'integration', ...files], {
      ETCD_AGENT_TEST_ETCD: version,
    });
  return conclude(runs, codes, { missing, failedChecks });
});
