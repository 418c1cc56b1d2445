/** Making and keeping the bootstrap record. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Cluster } from '../cluster/open-cluster.js';
import { fileBefore } from '../restore/record.js';
import type { BootstrapRecord } from '../state/records.js';
import type { StateDir } from '../state/state-dir.js';
import { expectedIds } from '../topology/places.js';

/**
 * A fresh bootstrap: id and token are random, so that its member and cluster ids are those of no earlier one, even over
 * the same peer URLs. Generation and digest are the caller's to set.
 */
export function newRecord(
  { topology, places }: Cluster,
  etcdVersion: string,
): Omit<BootstrapRecord, 'generation' | 'specsSha256'> {
  const token = `${topology.name}-${randomBytes(16).toString('hex')}`;
  return {
    bootstrapId: randomUUID(),
    token,
    ...expectedIds(places, token),
    etcdVersion,
    unwanted: [],
    replaces: [],
    previous: [],
    recordedAt: new Date().toISOString(),
  };
}

/** Replaces the record; the one of a bootstrap that was reset, or of a cluster that was restored, stays beside it. */
export async function keepRecord(
  state: StateDir,
  record: BootstrapRecord,
  what: 'new' | 'next',
): Promise<void> {
  if (what === 'new') {
    const former = await state.text('bootstrap.json');
    const name =
      record.underWay === undefined
        ? `bootstrap.before-${record.bootstrapId.slice(0, 8)}.json`
        : fileBefore(record.underWay.id);
    if (former !== undefined) await state.write(former, name);
  }
  await state.writeJson(record, 'bootstrap.json');
}
