// How much memory the coordinator has at most while it counts, prints and deletes a great many keys.
import { join } from 'node:path';
import { print, row, verdict } from '../bootstrap/report.mjs';
import { dataCluster } from './cluster.mjs';
import { fillKeys, prefix } from './many-keys.mjs';
import { watched } from './watched-command.mjs';

const peakMBMax = 256 * 1.048576;

export async function measureMemory({ dir, etcd, timing, keys }) {
  const { endpoints, coordinator, stop } = await dataCluster({ dir, etcd, timing });
  await fillKeys(endpoints, keys);
  const saved = join(dir, 'before.snapshot.db');
  const commands = {
    'data list': ['data', 'list'],
    'data list --keys': ['data', 'list', '--keys'],
    'data delete': ['data', 'delete', prefix, '--snapshot', saved, '--yes', '--confirm', 'bench'],
  };
  const measured = [];
  for (const [name, args] of Object.entries(commands)) {
    const { tookMs, peakMB, stdoutBytes } = await watched(...coordinator(args), { endpoints });
    measured.push({ name, tookMs, peakMB, stdoutBytes });
  }
  await stop();
  return { keys, commands: measured };
}

export function printMemory({ keys, commands }) {
  print('');
  print(`${keys} keys: peak memory (RSS) of the coordinator`);
  for (const { name, tookMs, peakMB } of commands)
    row(
      name,
      `${peakMB.toFixed(0)} MB`,
      `${verdict(peakMB, Math.floor(peakMBMax), 'MB')}; ${(tookMs / 1000).toFixed(1)} s`,
    );
}
