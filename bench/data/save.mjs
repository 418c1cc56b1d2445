// Saving a snapshot of 1 GiB: `coordinator snapshot save` beside `etcdctl snapshot save` from the same follower, taking turns, to
// the same disk; and what the coordinator's memory grows by from a quarter of it to all of it.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { print, range, row } from '../bootstrap/report.mjs';
import { summary } from '../bootstrap/statistics.mjs';
import { fillPart } from '../heal/fill.mjs';
import { dataCluster } from './cluster.mjs';
import { watched } from './watched-command.mjs';

/** Pairs: of each, the ratio counts. */
const pairs = 5;
const ratioMax = 1.1;
/** Memory is flat where four times the size takes no more than chance: a garbage collector that comes a little later. */
const quarter = 0.25;
const growthMBMax = 20;

export async function measureSave({ dir, etcd, etcdctl, timing }) {
  const cluster = await dataCluster({ dir, etcd, timing });
  const { endpoints, coordinator, etcdctlEnv } = cluster;
  const ours = async (name) => {
    const run = await watched(...coordinator(['snapshot', 'save', join(dir, name), '-o', 'json']), {});
    return { ...run, ...JSON.parse(run.stdout) };
  };
  await fillPart(endpoints, 0, quarter);
  const small = await ours('small.db');
  const { dbBytes } = await fillPart(endpoints, quarter, 1);
  const floor = [];
  const own = [];
  const { origin } = endpoints.find(({ name }) => name === small.node);
  const env = { ...etcdctlEnv, ETCDCTL_ENDPOINTS: origin };
  for (let round = 0; round < pairs; round += 1) {
    const runs = [
      async () => {
        const file = join(dir, `floor-${round}.db`);
        floor.push(await watched(etcdctl, ['snapshot', 'save', file], { env }));
        return file;
      },
      async () => {
        const run = await ours(`ours-${round}.db`);
        own.push(run);
        return run.file;
      },
    ];
    const sizes = [];
    for (const run of round % 2 === 0 ? runs : runs.reverse()) {
      const file = await run();
      sizes.push(statSync(file).size);
      rmSync(file);
    }
    process.stderr.write(
      `pair ${round}: etcdctl ${floor.at(-1).tookMs.toFixed(0)} ms, ours ${own.at(-1).tookMs.toFixed(0)} ms, ${sizes.join(' and ')} bytes\n`,
    );
  }
  await cluster.stop();
  return {
    dbBytes,
    floorMs: summary(floor.map(({ tookMs }) => tookMs)),
    oursMs: summary(own.map(({ tookMs }) => tookMs)),
    ratio: summary(own.map(({ tookMs }, at) => tookMs / floor[at].tookMs)),
    floorPeakMB: summary(floor.map(({ peakMB }) => peakMB)),
    oursPeakMB: summary(own.map(({ peakMB }) => peakMB)),
    smallPeakMB: small.peakMB,
  };
}

export function printSave({ dbBytes, floorMs, oursMs, ratio, floorPeakMB, oursPeakMB, smallPeakMB }) {
  print('');
  print(`a snapshot of ${(dbBytes / 1024 ** 3).toFixed(2)} GiB saved, ${pairs} pairs: median (min–max)`);
  row('floor: etcdctl snapshot save', range(floorMs, 0, 'ms'));
  row('ours: coordinator snapshot save, start to exit', range(oursMs, 0, 'ms'));
  row('  ratio of each pair', range(ratio, 2, ''), verdict(ratio.median <= ratioMax, `≤ ${ratioMax}`));
  row('peak memory, etcdctl', range(floorPeakMB, 0, 'MB'));
  row('peak memory, ours', range(oursPeakMB, 0, 'MB'));
  row(
    '  median beyond that of a quarter of the data',
    `${(oursPeakMB.median - smallPeakMB).toFixed(0)} MB`,
    verdict(oursPeakMB.median - smallPeakMB <= growthMBMax, `≤ ${growthMBMax} MB`),
  );
}

function verdict(meets, wanted) {
  return meets ? `meets: ${wanted}` : `MISSES: not ${wanted}`;
}
