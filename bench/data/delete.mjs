// Deleting all keys below a prefix: `coordinator data delete` beside `etcdctl del --prefix`, on the same data, while another
// client writes. Ours saves a snapshot first and tries it: that is told apart.
import { join } from 'node:path';
import { print, range, row } from '../bootstrap/report.mjs';
import { summary } from '../bootstrap/statistics.mjs';
import { dataCluster } from './cluster.mjs';
import { fillKeys, prefix } from './many-keys.mjs';
import { watched } from './watched-command.mjs';

export async function measureDelete({ dir, etcd, etcdctl, timing, keys, rounds }) {
  const floor = [];
  const ours = [];
  const quiet = [];
  for (let round = 0; round < rounds; round += 1) {
    const cluster = await dataCluster({ dir: join(dir, String(round)), etcd, timing });
    const { endpoints, coordinator, etcdctlEnv: env } = cluster;
    quiet.push(await watched(process.execPath, ['-e', 'setTimeout(() => {}, 10000)'], { endpoints }));
    // Each on data of its own, on the same cluster, one after the other in turns.
    const runs = [
      async () =>
        floor.push(
          await watched(etcdctl, ['del', '--prefix', prefix, '--command-timeout=600s'], { env, endpoints }),
        ),
      async () => {
        const saved = join(dir, `${round}.snapshot.db`);
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
    ];
    for (const run of round % 2 === 0 ? runs : runs.reverse()) {
      await fillKeys(endpoints, keys);
      await run();
    }
    await cluster.stop();
  }
  const of = (all, pick) => summary(all.map(pick));
  return {
    keys,
    quietStallMs: of(quiet, (each) => each.longestStallMs),
    floorMs: of(floor, (each) => each.tookMs),
    floorStallMs: of(floor, (each) => each.longestStallMs),
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
  row('floor: etcdctl del --prefix', range(floorMs, 0, 'ms'));
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
