/**
 * The record of a cluster whose data is being put in another's place. It is one file that is replaced as a whole, on the disk
 * before any agent hears of it: which cluster is to be, what that one was before, and the operation itself.
 */

import { randomBytes } from 'node:crypto';
import { bootstrapMemberId, clusterIdOf } from '@etcd-agent/etcd';
import { type ClusterOperation, type FormerCluster, formerClustersMax } from '@etcd-agent/protocol';
import { Failure } from '../failure.js';
import { type BootstrapRecord, bootstrapRecordSchema } from '../state/records.js';
import type { StateDir } from '../state/state-dir.js';
import type { NodePlace } from '../topology/places.js';

type Undigested = Omit<BootstrapRecord, 'generation' | 'specsSha256' | 'settingsSha256'>;

/**
 * A cluster over the same places with a token of its own, so that its ids are those of no earlier one; `operation.nodes` are its
 * members in the beginning, and the others join it later. Its bootstrap id is the operation's.
 */
export function recordOfRestore(
  before: BootstrapRecord,
  places: readonly NodePlace[],
  clusterName: string,
  operation: Extract<ClusterOperation, { kind: 'restore' }>,
  etcdVersion: string,
): Undigested {
  const token = `${clusterName}-${randomBytes(16).toString('hex')}`;
  const members = places.map(({ name, peerURL }) => ({
    name,
    peerURLs: [peerURL],
    memberId: bootstrapMemberId([peerURL], token),
  }));
  const first = members.filter(({ name }) => operation.nodes.includes(name));
  return {
    bootstrapId: operation.id,
    token,
    members,
    clusterId: clusterIdOf(first.map(({ memberId }) => memberId)),
    etcdVersion,
    unwanted: before.unwanted,
    // A reinstalled host has no place to take: it begins with the others, or joins as one that was away.
    replaces: [],
    previous: formerOf(before),
    underWay: operation,
    recordedAt: new Date().toISOString(),
    completedAt: before.completedAt ?? new Date().toISOString(),
  };
}

/** The cluster that there was before the restore, with the restored one among its former ones. */
export function recordOfUndo(
  before: BootstrapRecord,
  former: BootstrapRecord,
  operation: Extract<ClusterOperation, { kind: 'undo' }>,
): Undigested {
  const { generation: _, specsSha256: __, settingsSha256: ___, underWay: ____, ...rest } = former;
  const known = [...formerOf(before), ...former.previous].filter(
    ({ clusterId }) => clusterId !== former.clusterId,
  );
  return { ...rest, previous: unique(known).slice(0, formerClustersMax), underWay: operation };
}

/** The same cluster with nothing under way. */
export function endedRecord({ underWay: _, ...record }: BootstrapRecord): BootstrapRecord {
  return record;
}

function formerOf({ bootstrapId, clusterId, previous }: BootstrapRecord): FormerCluster[] {
  return unique([{ bootstrapId, clusterId }, ...previous]).slice(0, formerClustersMax);
}

function unique(clusters: readonly FormerCluster[]): FormerCluster[] {
  return clusters.filter(
    (each, at) => clusters.findIndex(({ clusterId }) => clusterId === each.clusterId) === at,
  );
}

/** The file that the record before an operation is kept in. */
export function fileBefore(operation: string): string {
  return `bootstrap.before-${operation}.json`;
}

/** The record as it was before that operation. Throws Failure where the state does not have it. */
export async function recordBefore(state: StateDir, operation: string): Promise<BootstrapRecord> {
  const record = await state.json(bootstrapRecordSchema, fileBefore(operation));
  if (record !== undefined) return record;
  throw new Failure({
    exit: 'refused',
    what: `this state does not have the record of the cluster before operation ${operation}`,
    where: [state.file(fileBefore(operation))],
    cause: 'there was no restore, or this state is a copy that was made before it',
    next: 'use the coordinator state that carried the restore out',
  });
}
