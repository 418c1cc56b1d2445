/** The record of a cluster that has been bootstrapped to the end: what every command about a living cluster begins with. */
import { Failure } from '../failure.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import { type Cluster, readBootstrapRecord } from './open-cluster.js';

/** Throws Failure where the bootstrap was not begun or not finished, and while a restore is under way. */
export async function finishedRecord({ state, topology }: Cluster): Promise<BootstrapRecord> {
  const record = await readBootstrapRecord(state);
  refuseWhileUnderWay(record);
  if (record?.completedAt !== undefined && record.resetting === undefined) return record;
  throw new Failure({
    exit: 'failed',
    what: `cluster ${topology.name} is not bootstrapped ${record === undefined ? 'yet' : 'to the end yet'}`,
    next: 'coordinator bootstrap',
  });
}

/** For every command that changes the cluster: a restore that was cut short goes on, or is taken back, before anything else. */
export function refuseWhileUnderWay(record: Pick<BootstrapRecord, 'underWay'> | undefined): void {
  if (record?.underWay === undefined) return;
  const { id, kind, command, nodes } = record.underWay;
  throw new Failure({
    exit: 'refused',
    what: `${kind === 'undo' ? 'the undoing of a restore' : 'a restore'} has not ended: operation ${id}`,
    where: [`on ${nodes.join(', ')}`],
    cause: 'it was interrupted, or is still under way; until it has ended nothing else is changed',
    next: `${command}\ncoordinator audit show ${id} tells how far it came`,
  });
}

/** The nodes that the cluster should have: those of the topology but the ones whose member was removed on purpose. */
export function wantedPlaces(
  places: readonly NodePlace[],
  record: Pick<BootstrapRecord, 'unwanted'> | undefined,
): readonly NodePlace[] {
  return places.filter(({ name }) => record?.unwanted.includes(name) !== true);
}
