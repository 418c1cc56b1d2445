/** From a state directory to the keys of its cluster. */
import { systemClock } from '@etcd-agent/platform';
import { readAdminCredentials } from '../authority.js';
import { finishedRecord, wantedPlaces } from '../cluster/finished.js';
import { openCluster } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { KeyReach } from './key-reach.js';

/** Throws Failure where there is no cluster yet. Dials nobody until it is asked for something. */
export async function openKeys(stateDir: string, answerBytesMax: number): Promise<KeyReach> {
  const cluster = await openCluster(stateDir);
  const places = wantedPlaces(cluster.places, await finishedRecord(cluster));
  const credentials = await readAdminCredentials(cluster.state);
  return new KeyReach({
    look: () => viewCluster(places, credentials),
    credentials,
    answerBytesMax,
    clock: systemClock,
    note: (text) => process.stderr.write(`${text}\n`),
  });
}
