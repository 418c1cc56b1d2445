// npm run demo: sets up what is missing, then shows the product at work on this machine.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runInTerminal } from './setup/child.mjs';
import { etcdBin } from './setup/etcd.mjs';
import { runScript } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { prepare } from './setup/prepare.mjs';

await runScript(async () => {
  const { etcd } = await prepare();
  const exitCode = await runDemo(etcd);
  if (existsSync(etcdBin) && realpathSync(dirname(etcd)) === realpathSync(etcdBin))
    console.log(`first: export PATH="${etcdBin}:$PATH" (the etcd and etcdctl that were unpacked here)`);
  return exitCode;
});

/** The demo itself, as one child on our terminal; its exit code is ours, as are its arguments. ETCD_BIN names the etcd to use. */
function runDemo(etcd) {
  const coordinator = join(root, 'node_modules', '.bin', 'coordinator');
  return runInTerminal(coordinator, ['playground', 'demo', ...process.argv.slice(2)], {
    env: { ...process.env, ETCD_BIN: etcd },
  });
}
