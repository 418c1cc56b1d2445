/**
 * The main job, shown on this machine from nothing to nothing: agents, enrolment, bootstrap, a write and a read, and
 * everything gone again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectEtcd } from '@etcd-agent/etcd';
import { readAdminCredentials } from '../authority.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import type { Progress } from '../progress.js';
import { onInterruption, settled, untilAborted } from './interruption.js';
import { down, up } from './playground.js';

/** `print` shows the cluster while it stands; what is returned comes when it is gone. */
export async function demo(
  etcd: string,
  nodes: number,
  progress: Progress,
  print: (view: View) => Promise<void>,
): Promise<View> {
  const dir = await mkdtemp(join(tmpdir(), 'etcd-demo-'));
  const interruption = onInterruption();
  const interrupted = interruption.happened.then(() => {
    throw new Failure({ exit: 'interrupted', what: 'interrupted; everything was stopped and removed' });
  });
  interrupted.catch(() => {});
  const running = show(dir, etcd, nodes, untilAborted(progress, interruption.signal));
  try {
    // The work may notice the interruption first, and says less of it.
    const shown = await Promise.race([
      running.catch((error: unknown) => (interruption.signal.aborted ? interrupted : Promise.reject(error))),
      interrupted,
    ]);
    await print({ document: { kind: 'Demo', ...shown.document }, table: shown.table });
  } finally {
    // What is being started must be known before it can be stopped, and what writes must have ended before it is removed.
    await settled(running);
    await down(dir, progress, { remove: true });
    await settled(running);
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  return {
    document: undefined,
    table: undefined,
    notes: [
      'Everything was stopped and removed.',
      'next: ./node_modules/.bin/coordinator playground up makes such a cluster for you to try',
    ],
  };
}

async function show(dir: string, etcd: string, nodes: number, progress: Progress) {
  const cluster = await up({ dir, nodes, etcd, progress });
  const credentials = await readAdminCredentials(cluster.state);
  const wrote = await progress.phase('Write a key through one member, read it through another', () =>
    writeAndRead(cluster, credentials),
  );
  const seen = await viewCluster(cluster.places, credentials);
  const members = memberRows(cluster.places, seen);
  return {
    document: {
      members,
      health: seen.endpoints.map(({ endpoint, health }) => ({ endpoint, ...health })),
      wrote,
    },
    table: [
      memberTable(members),
      '',
      ...seen.endpoints.map(healthLine),
      '',
      `wrote ${wrote.key} = ${wrote.value} through ${wrote.through}, read it through ${wrote.readThrough}`,
    ].join('\n'),
  };
}

async function writeAndRead({ places }: Cluster, credentials: { ca: string; cert: string; key: string }) {
  const first = places[0]!;
  const last = places.at(-1)!;
  const [writer, reader] = await Promise.all(
    [first, last].map(({ clientURL }) =>
      connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs: 5_000 }),
    ),
  );
  try {
    const [key, value] = ['hello', `world-${Date.now()}`];
    await writer!.put(key, value);
    const read = await reader!.get(key);
    if (read.kind !== 'found' || read.value !== value)
      throw new Failure({
        exit: 'failed',
        what: `wrote ${key} through ${first.name}, and ${last.name} does not have it`,
      });
    return { key, value, through: first.name, readThrough: last.name };
  } finally {
    writer!.close();
    reader!.close();
  }
}
