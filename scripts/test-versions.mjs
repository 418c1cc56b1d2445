// npm run test:versions -- [vitest arguments]: the tests with real etcds that npm test runs on one version, on each of them. Exit
// code 0 only when all tests passed.
import { testedSuites } from './setup/etcd.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';
import { summary } from './setup/test-results.mjs';
import { countRuns, runVitest } from './setup/vitest.mjs';

const versions = Object.values(testedSuites);
const files = ['heal-', 'restore', 'recover', 'data-room'];

await runScript(async () => {
  const { etcd } = await prepare({ forTests: true });
  const given = process.argv.slice(2);
  const codes = [];
  for (const version of versions) {
    console.log(`etcd ${version}`);
    codes.push(
      await runVitest(
        `real-${version}`,
        ['--project', 'integration', ...(given.length > 0 ? given : files)],
        {
          ...process.env,
          ETCD_BIN: etcd,
          ETCD_AGENT_TEST_ETCD: version,
        },
      ),
    );
  }
  const counts = countRuns(versions.map((version) => `real-${version}`));
  console.log('');
  console.log(summary(counts));
  return codes.find((code) => code !== 0) ?? (counts.failed === 0 ? 0 : 1);
});
