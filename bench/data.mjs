// npm run bench -- data: what operators do to the data of a cluster, beside the hand-run commands. One file per measurement in
// data/; each runs on clusters of its own, made by the product through its real programs, in one temporary directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stopEverything } from './bootstrap/product.mjs';
import { describe, describeMachine, print } from './bootstrap/report.mjs';
import { readArguments, usage } from './data/arguments.mjs';
import { measureDelete, printDelete } from './data/delete.mjs';
import { measureMemory, printMemory } from './data/memory.mjs';
import { measureRestore, printRestore } from './data/restore.mjs';
import { measureSave, printSave } from './data/save.mjs';

const measurements = {
  delete: { measure: measureDelete, show: printDelete },
  memory: { measure: measureMemory, show: printMemory },
  restore: { measure: measureRestore, show: printRestore },
  save: { measure: measureSave, show: printSave },
};

const root = fileURLToPath(new URL('..', import.meta.url));
const options = readArguments(process.argv.slice(2), root, Object.keys(measurements));
if (options.kind === 'usage') {
  process.stderr.write(`${options.problem === undefined ? '' : `${options.problem}\n`}${usage}`);
  process.exit(options.problem === undefined ? 0 : 2);
}
const dir = mkdtempSync(join(tmpdir(), 'bench-data-'));
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => cleanUp().finally(() => process.exit(130)));

try {
  const measured = {};
  for (const name of options.only)
    measured[name] = await measurements[name].measure({ ...options, dir: join(dir, name) });
  const machine = describeMachine(options.etcd);
  if (options.output === 'json') {
    const result = { apiVersion: 'etcd-agent/v1', kind: 'DataBenchmark', machine, ...measured };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    print(describe(machine));
    for (const name of options.only) measurements[name].show(measured[name]);
  }
} finally {
  await cleanUp();
}

async function cleanUp() {
  await stopEverything();
  if (options.keep) process.stderr.write(`kept: ${dir}\n`);
  else rmSync(dir, { recursive: true, force: true });
}
