// npm run setup [-- --test]: makes this checkout ready to run (with --test: to be tested) and says what there is.
import { cachedEtcds } from './setup/etcd.mjs';
import { runScript } from './setup/failure.mjs';
import { prepare } from './setup/prepare.mjs';

await runScript(async () => {
  const forTests = process.argv.includes('--test');
  const { etcd, missing } = await prepare({ forTests });
  console.log(`ready: etcd ${etcd}`);
  if (forTests)
    console.log(
      `for tests: etcd ${cachedEtcds()
        .map(({ version }) => version)
        .join(', ')}; cfssl; libfaketime; openssl`,
    );
  return missing.length > 0 ? 1 : 0;
});
