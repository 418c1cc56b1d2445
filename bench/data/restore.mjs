// Restoring a snapshot on three nodes: `coordinator restore` beside the same by hand, with etcdctl, on the same file. By hand the file is
// on every node already, nobody checks it or asks, and nothing is compared afterwards: stop all, move the data, restore, start
// all, write through each. Ours is told twice: from its start to its exit, and how long etcd does not serve.
import { once } from 'node:events';
import { mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, start } from '../bootstrap/owned-processes.mjs';
import { etcdPid } from '../bootstrap/product.mjs';
import { print, range, row } from '../bootstrap/report.mjs';
import { summary } from '../bootstrap/statistics.mjs';
import { floorModel } from '../heal/floor-cluster.mjs';
import { OurCluster } from '../heal/our-cluster.mjs';
import { until } from '../heal/watching.mjs';

const coordinatorProgram = fileURLToPath(new URL('../../coordinator/bin/coordinator.js', import.meta.url));
const valueBytes = 256 * 1024;
const bytes = 64 * 1024 ** 2;
const writeMsMax = 2_000;
const serveMsMax = 120_000;

export async function measureRestore({ dir, etcd, etcdctl, timing, rounds }) {
  const ours = await OurCluster.start({ dir: join(dir, 'ours'), etcd, timing });
  const model = floorModel(ours.cluster);
  const file = join(dir, 'saved.db');
  for (let at = 0; at < bytes / valueBytes; at += 1)
    await ours.endpoints[0].put(`bench/${at}`, Buffer.alloc(valueBytes, at).toString('latin1'), 10_000);
  await run(etcdctl, ['snapshot', 'save', file], environmentOf(ours.cluster.nodes[0]));
  const measured = { floorMs: [], oursMs: [], outageMs: [], sendMs: [] };
  for (let round = 0; round < rounds; round += 1) {
    const turns = [
      async () => {
        const { tookMs, outageMs, sendMs } = await restoreByUs(ours.cluster.state, file);
        measured.oursMs.push(tookMs);
        measured.outageMs.push(outageMs);
        measured.sendMs.push(sendMs);
      },
      async () =>
        measured.floorMs.push(await restoreByHand(ours, model, { etcd, etcdctl, file, round, dir })),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  await ours.stop();
  return {
    fileBytes: statSync(file).size,
    rounds,
    ...Object.fromEntries(Object.entries(measured).map(([name, each]) => [name, summary(each)])),
  };
}

export function printRestore({ fileBytes, rounds, floorMs, oursMs, outageMs, sendMs }) {
  print('');
  print(`a snapshot of ${Math.round(fileBytes / 1e6)} MB on three nodes, ${rounds} pairs: median (min–max)`);
  row('floor: by hand, stopping to a write through each', range(floorMs, 0, 'ms'));
  row('ours: coordinator restore, start to exit', range(oursMs, 0, 'ms'));
  row('  of that: sent to every node and tried there', range(sendMs, 0, 'ms'));
  row('  of that: etcd does not serve', range(outageMs, 0, 'ms'));
}

async function restoreByUs(state, file) {
  const began = performance.now();
  const marks = new Map();
  const args = [coordinatorProgram, '--state', state, 'restore', file, '--yes', '--confirm', 'bench'];
  const { stderr } = await run(process.execPath, args, {}, (text) => {
    for (const line of text.split('\n')) if (!marks.has(line)) marks.set(line, performance.now());
  });
  const at = (head) => {
    const found = [...marks].find(([line]) => line.startsWith(head));
    if (found === undefined) throw new Error(`the restore did not say ${head}\n${stderr}`);
    return found[1];
  };
  return {
    tookMs: performance.now() - began,
    sendMs:
      [...marks].find(([line]) => /^Send the snapshot .*: done/.test(line))[1] - at('Send the snapshot'),
    outageMs: at('  comparing the keys') - at('Stop etcd'),
  };
}

/** The etcds that run now are ended by the clock too; the agents of our cluster are stopped meanwhile, so that they leave it alone. */
async function restoreByHand(ours, model, { etcd, etcdctl, file, round, dir }) {
  const place = join(dir, `hand-${round}`);
  mkdirSync(place, { recursive: true });
  for (const pid of ours.agentPids) process.kill(pid, 'SIGSTOP');
  const initial = model.map(({ name, peerURL }) => `${name}=${peerURL}`).join(',');
  const pids = ours.cluster.nodes.map(etcdPid).filter((pid) => pid !== undefined);
  const children = [];
  try {
    const began = performance.now();
    await end(pids);
    const dirs = model.map(({ name }) => join(place, name));
    await Promise.all(
      model.map(({ name, peerURL }, at) =>
        run(
          etcdctl,
          [
            'snapshot',
            'restore',
            file,
            `--data-dir=${dirs[at]}`,
            `--name=${name}`,
            `--initial-cluster=${initial}`,
            `--initial-cluster-token=hand-${round}`,
            `--initial-advertise-peer-urls=${peerURL}`,
          ],
          { ETCDCTL_API: '3' },
        ),
      ),
    );
    for (const [at, { name, values }] of model.entries()) {
      const log = openSync(join(place, `${name}.log`), 'a');
      children.push(
        start(etcd, [], {
          stdio: ['ignore', log, log],
          env: {
            PATH: process.env.PATH,
            ...values,
            ETCD_DATA_DIR: dirs[at],
            ETCD_INITIAL_CLUSTER_STATE: 'existing',
          },
          cwd: '/',
        }),
      );
    }
    await Promise.all(
      ours.endpoints.map((endpoint) =>
        until(`a write through ${endpoint.name}`, serveMsMax, async () => {
          await endpoint.put('bench/written', 'by hand', writeMsMax);
          return true;
        }),
      ),
    );
    return performance.now() - began;
  } finally {
    await end(
      children.map(({ pid }) => pid),
      'SIGKILL',
    );
    for (const endpoint of ours.endpoints) endpoint.close();
    for (const pid of ours.agentPids) process.kill(pid, 'SIGCONT');
    // Agents start what was ended, on the data of before: the next turn begins with a cluster that serves.
    await Promise.all(
      ours.endpoints.map((endpoint) =>
        until(`${endpoint.name} serves again`, serveMsMax, async () => {
          await endpoint.put('bench/written', 'by ours', writeMsMax);
          return true;
        }),
      ),
    );
    renameSync(place, `${place}.done`);
  }
}

function environmentOf({ dir, clientPort }) {
  const pem = (name) => join(dir, 'etc', name);
  return {
    ETCDCTL_API: '3',
    ETCDCTL_ENDPOINTS: `https://127.0.0.1:${clientPort}`,
    ETCDCTL_CACERT: pem('etcd-root-ca.pem'),
    ETCDCTL_CERT: pem('etcd.pem'),
    ETCDCTL_KEY: pem('etcd-key.pem'),
  };
}

async function run(program, args, env, onStderr = () => {}) {
  const child = start(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  let stderr = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
    onStderr(text);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}\n${stderr}`);
  return { stderr };
}
