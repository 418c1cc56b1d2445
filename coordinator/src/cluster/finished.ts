/** The record of a cluster that has been bootstrapped to the end: what every command about a living cluster begins with. */
import { Failure } from '../failure.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import { type Cluster, readBootstrapRecord } from './open-cluster.js';

/** Throws Failure where the bootstrap was not begun or not finished. */
export async function finishedRecord({ state, topology }: Cluster): Promise<BootstrapRecord> {
  const record = await readBootstrapRecord(state);
  if (record?.completedAt !== undefined && record.resetting === undefined) return record;
  throw new Failure({
    exit: 'failed',
    what: `cluster ${topology.name} is not bootstrapped ${record === undefined ? 'yet' : 'to the end yet'}`,
    next: 'coordinator bootstrap',
  });
}

/** The nodes that the cluster should have: those of the topology but the ones whose member was removed on purpose. */
export function wantedPlaces(
  places: readonly NodePlace[],
  record: Pick<BootstrapRecord, 'unwanted'> | undefined,
): readonly NodePlace[] {
  return places.filter(({ name }) => record?.unwanted.includes(name) !== true);
}
