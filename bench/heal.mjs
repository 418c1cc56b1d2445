// npm run bench -- heal: how long a cluster takes to heal beside the floor, and what agents cost while nothing is broken.
//
// The floor is the same repair by a script that knows at once what is wrong, on etcds with the same settings and
// certificates: remove, wipe, add, start, promote. Ours is nobody but the agents, under the default policy. Floor and ours
// take turns, each round on a fresh cluster, and are compared pair by pair. All of it happens in one temporary directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap, enrolledCluster, stop, stopEverything } from './bootstrap/product.mjs';
import { measureAgents } from './bootstrap/programs.mjs';
import { describeMachine } from './bootstrap/report.mjs';
import { readArguments, usage } from './heal/arguments.mjs';
import { faults, measureFault } from './heal/fault-rounds.mjs';
import { fillOneGiB } from './heal/fill.mjs';
import { floorModel } from './heal/floor-cluster.mjs';
import { printTable } from './heal/report.mjs';
import { measureLoad } from './heal/write-load.mjs';

const options = readArguments(process.argv.slice(2), fileURLToPath(new URL('..', import.meta.url)));
if (options.kind === 'usage') {
  process.stderr.write(`${options.problem === undefined ? '' : `${options.problem}\n`}${usage}`);
  process.exit(options.problem === undefined ? 0 : 2);
}
const dir = mkdtempSync(join(tmpdir(), 'bench-heal-'));
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
  const { cases, rounds, gibRounds, etcd, timing, idleSeconds } = options;
  const measured = [];
  const wanted = Object.keys(faults).filter((name) => cases.has(name));
  if (wanted.length > 0) {
    const model = await modelOf();
    for (const name of wanted) {
      const more = name === 'gib' ? { rounds: gibRounds, fill: fillOneGiB } : { rounds };
      for (const fault of faults[name])
        measured.push(await measureFault(fault, model, { ...options, ...more, dir }));
    }
  }
  return {
    apiVersion: 'etcd-agent/v1',
    kind: 'HealBenchmark',
    machine: describeMachine(etcd),
    timing,
    faults: measured,
    load: cases.has('load') ? await measureLoad({ ...options, dir: join(dir, 'load') }) : undefined,
    agents: cases.has('idle') ? await measureAgents({ dir, etcd, idleSeconds }) : undefined,
  };
}

/** Not counted: it warms the disk cache, and its settings and certificates are the floor's. */
async function modelOf() {
  const { etcd, timing } = options;
  process.stderr.write('warm-up\n');
  const cluster = await enrolledCluster({
    dir: join(dir, 'model'),
    etcd,
    timing,
    key: { algo: 'ecdsa', size: 256 },
  });
  await bootstrap(cluster);
  const model = floorModel(cluster);
  await stop(cluster);
  return model;
}

async function cleanUp() {
  await stopEverything();
  if (options.keep) process.stderr.write(`kept: ${dir}\n`);
  else rmSync(dir, { recursive: true, force: true });
}
