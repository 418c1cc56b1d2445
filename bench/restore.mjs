// npm run bench -- restore [ROUNDS]: a restore by the product beside the same by hand, on etcd 3.4 (ETCD_BIN), in one temporary
// directory. The measurement itself is in data/restore.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stopEverything } from './bootstrap/product.mjs';
import { describe, describeMachine, print } from './bootstrap/report.mjs';
import { measureRestore, printRestore } from './data/restore.mjs';

const rounds = Number(process.argv[2] ?? 3);
const etcd = process.env.ETCD_BIN;
if (!(rounds >= 1) || etcd === undefined) {
  process.stderr.write('npm run bench -- restore [ROUNDS]\n');
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'bench-restore-'));
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => cleanUp().finally(() => process.exit(130)));

try {
  const timing = { heartbeatMs: 100, electionMs: 1000 };
  const measured = await measureRestore({
    dir,
    etcd,
    etcdctl: join(dirname(etcd), 'etcdctl'),
    timing,
    rounds,
  });
  print(describe(describeMachine(etcd)));
  printRestore(measured);
} finally {
  await cleanUp();
}

async function cleanUp() {
  await stopEverything();
  rmSync(dir, { recursive: true, force: true });
}
