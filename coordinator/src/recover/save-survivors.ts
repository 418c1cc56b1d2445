/**
 * What every survivor has, into files of this host, before anything of it is moved. Of one whose etcd does not run it is started
 * first: the end of its log is not in its database yet. Without a quorum that changes nothing for anybody, and it does not
 * serve: then its database is copied by its agent.
 */
import { join } from 'node:path';
import { systemClock } from '@etcd-agent/platform';
import { readAdminCredentials } from '../authority.js';
import type { Reached } from '../bootstrap/connect.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import { fetchSnapshot } from '../link/fetch-file.js';
import type { PhaseReport } from '../progress.js';
import { type SavedSnapshot, saveSnapshot } from '../snapshots/save-snapshot.js';
import { backendOf } from '../snapshots/snapshot-file.js';
import type { Survivor } from './plan/survivors.js';

/** Reading a large database in takes minutes; one that died at once is not waited for so long. */
const startMsMax = 30_000;
const againMs = 250;
/** Looks at a database that found it the same: two seconds and more each, in which etcd writes twenty times. */
const sameMin = 2;
/** Copying 8 GiB on a slow disk. */
const copyMsMax = 10 * 60_000;

/** Asks the agents of these nodes to start their etcd, and waits until each answers or the time is over. */
export async function startSurvivors(
  bootstrapId: string,
  nodes: readonly string[],
  { links }: Reached,
  report: PhaseReport,
): Promise<void> {
  await Promise.all(
    links
      .filter(({ place }) => nodes.includes(place.name))
      .map(async (link) => {
        const { name } = link.place;
        try {
          await link.call('etcd.start', { bootstrapId });
        } catch (error) {
          report.note(`${name}: ${nodeFailure(link.place, error).parts.what}`);
          return;
        }
        if (!(await settlesInTime(link)))
          report.note(`${name}: its etcd was started and is still at its data`);
      }),
  );
}

/** It answers; or, without a quorum, it has written to its database what its log has, and writes no more. */
async function settlesInTime(link: NodeLink): Promise<boolean> {
  let same = 0;
  let before = '';
  for (const until = performance.now() + startMsMax; performance.now() < until; ) {
    const { etcd, data } = await link.call('disk.report', {}, startMsMax);
    if (etcd.kind === 'answers') return true;
    const now = data.kind === 'wal' && etcd.kind === 'silent' ? JSON.stringify(data.database) : '';
    same = now !== '' && now === before ? same + 1 : 0;
    if (same >= sameMin) return true;
    before = now;
    await systemClock.sleep(againMs);
  }
  return false;
}

/** Throws Failure where it cannot be saved: nothing was moved yet. */
export async function saveSurvivor(
  { state, places }: Cluster,
  { node, etcd }: Survivor,
  directory: string,
  { links }: Reached,
): Promise<SavedSnapshot> {
  if (etcd !== 'runs') return saveDatabase(links.find(({ place }) => place.name === node)!, directory);
  return saveSnapshot({
    endpoint: places.find(({ name }) => name === node)!.clientURL,
    node,
    credentials: await readAdminCredentials(state),
    directory,
    nameOf: (revision) => `${node}-rev${revision}.snapshot.db`,
    onProgress: () => {},
  });
}

async function saveDatabase(link: NodeLink, directory: string): Promise<SavedSnapshot> {
  const node = link.place.name;
  try {
    const { sha256, bytes, at } = await link.call('snapshot.ofDatabase', {}, copyMsMax);
    const file = join(directory, `${node}-database.snapshot.db`);
    await fetchSnapshot(link, sha256, file);
    const { revision } = await backendOf(file);
    return { file, node, revision, keys: null, bytes, sha256, at };
  } catch (error) {
    throw error instanceof Failure ? error : nodeFailure(link.place, error);
  }
}
