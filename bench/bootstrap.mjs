// npm run bench -- bootstrap: how long `coordinator bootstrap` takes beside the floor, and what an agent costs.
//
// The floor is the same etcd with the same settings and certificates made beforehand, started by this script. Ours is
// `coordinator bootstrap --yes`, from the start of its process to its exit, with agents that are up and enrolled. Floor and
// ours take turns and are compared pair by pair. All of it happens in one temporary directory, which is removed at the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments, usage } from './bootstrap/arguments.mjs';
import { stopEverything } from './bootstrap/product.mjs';
import { measureAgents, measureHelp } from './bootstrap/programs.mjs';
import { describeMachine, printTable } from './bootstrap/report.mjs';
import { measureRounds } from './bootstrap/rounds.mjs';

const options = readArguments(process.argv.slice(2));
if (options.kind === 'usage') {
  process.stderr.write(`${options.problem === undefined ? '' : `${options.problem}\n`}${usage}`);
  process.exit(options.problem === undefined ? 0 : 2);
}
const dir = mkdtempSync(join(tmpdir(), 'bench-bootstrap-'));
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => cleanUp().finally(() => process.exit(130)));

try {
  const result = await measure();
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else printTable(result);
} finally {
  await cleanUp();
}

async function measure() {
  const sets = [];
  for (const timing of options.timings) {
    sets.push(await measureRounds({ ...options, dir, timing, key: { algo: 'ecdsa', size: 256 } }));
  }
  if (options.rsa) {
    const [timing] = options.timings;
    sets.push(await measureRounds({ ...options, dir, timing, key: { algo: 'rsa', size: 4096 } }));
  }
  return {
    apiVersion: 'etcd-agent/v1',
    kind: 'BootstrapBenchmark',
    machine: describeMachine(options.etcd),
    sets,
    agent: await measureAgents({ dir, etcd: options.etcd, idleSeconds: options.idleSeconds }),
    help: await measureHelp(),
  };
}

async function cleanUp() {
  await stopEverything();
  if (options.keep) process.stderr.write(`kept: ${dir}\n`);
  else rmSync(dir, { recursive: true, force: true });
}
