// Deleting all keys below a prefix: `coordinator data delete` beside `etcdctl del --prefix`, on the same data, while another
// client writes; each on a cluster of its own. Ours saves a snapshot first and tries it: that is told apart.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { print, range, row } from '../bootstrap/report.mjs';
import { summary } from '../bootstrap/statistics.mjs';
import { dataCluster } from './cluster.mjs';
import { fillKeys, prefix } from './many-keys.mjs';
import { watched } from './watched-command.mjs';

/** One transaction over all keys may take etcd longer than it lets a request wait; it goes on with it all the same. */
const gaveUp = /etcdserver: request timed out/;

export async function measureDelete({ dir, etcd, etcdctl, timing, keys, rounds }) {
  const floor = [];
  const ours = [];
  const quiet = [];
  const runs = {
    floor: async ({ endpoints, etcdctlEnv: env }) => {
      quiet.push(await watched(process.execPath, ['-e', 'setTimeout(() => {}, 10000)'], { endpoints }));
      const args = ['del', '--prefix', prefix, '--command-timeout=600s'];
      floor.push(await watched(etcdctl, args, { env, endpoints, ended: gaveUp }));
    },
    ours: async ({ endpoints, coordinator }, at) => {
      const saved = join(at, 'before.snapshot.db');
      const args = [
        'data',
        'delete',
        prefix,
        '--snapshot',
        saved,
        '--yes',
        '--confirm',
        'bench',
        '-o',
        'json',
      ];
      const run = await watched(...coordinator(args), { endpoints });
      ours.push({ ...run, ...JSON.parse(run.stdout) });
    },
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? ['ours', 'floor'] : ['floor', 'ours']) {
      const at = join(dir, `${round}-${name}`);
      const cluster = await dataCluster({ dir: at, etcd, timing });
      await fillKeys(cluster.endpoints, keys);
      await runs[name](cluster, at);
      await cluster.stop();
      rmSync(at, { recursive: true, force: true });
    }
  }
  const of = (all, pick) => summary(all.map(pick));
  return {
    keys,
    quietStallMs: of(quiet, (each) => each.longestStallMs),
    floorMs: of(floor, (each) => each.tookMs),
    floorStallMs: of(floor, (each) => each.longestStallMs),
    floorGaveUp: floor.filter((each) => each.code !== 0).length,
    oursMs: of(ours, (each) => each.tookMs),
    oursDeletionMs: of(ours, (each) => each.seconds * 1_000),
    oursStallMs: of(ours, (each) => each.longestStallMs),
    oursLongestTransactionMs: of(ours, (each) => each.longestMs),
    oursPeakMB: of(ours, (each) => each.peakMB),
    deleted: ours.map((each) => each.deleted),
  };
}

export function printDelete(measured) {
  const { keys, quietStallMs, floorMs, floorStallMs, oursMs, oursDeletionMs, oursStallMs } = measured;
  print('');
  print(`${keys} keys deleted, while another client writes: median (min–max)`);
  row('longest write of the other client, nothing else on', range(quietStallMs, 0, 'ms'));
  row(
    'floor: etcdctl del --prefix, until it is done',
    range(floorMs, 0, 'ms'),
    measured.floorGaveUp > 0 ? `ended with "request timed out" ${measured.floorGaveUp} times` : '',
  );
  row('  longest write of the other client', range(floorStallMs, 0, 'ms'));
  row('ours: coordinator data delete, start to exit', range(oursMs, 0, 'ms'));
  row('  of that the deletion itself', range(oursDeletionMs, 0, 'ms'));
  row(
    '  longest write of the other client',
    range(oursStallMs, 0, 'ms'),
    oursStallMs.max < floorStallMs.min
      ? 'meets: shorter than the floor'
      : 'MISSES: not shorter than the floor',
  );
  row('  longest transaction', range(measured.oursLongestTransactionMs, 0, 'ms'));
  row('  peak memory of the coordinator', range(measured.oursPeakMB, 0, 'MB'));
}
