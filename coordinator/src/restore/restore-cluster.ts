/**
 * The restore itself, once everything was looked at and a person has agreed: the same snapshot on every node that takes part, as
 * a cluster with ids of its own. The snapshot is on all of them already, so that nothing is stopped before it has arrived.
 */
import type { ClusterOperation } from '@etcd-agent/protocol';
import type { BootstrapRecord } from '../state/records.js';
import { beginRecord, type Carried, type CarriedOut, carryOut } from './carry-out.js';
import { recordBefore, recordOfRestore, recordOfUndo } from './record.js';

export interface RestoreOrder {
  /** The record of the cluster as it is now. */
  readonly before: BootstrapRecord;
  /** The operation, by the id that it is audited under; `nodes` are the members that the cluster begins with. */
  readonly operation: Extract<ClusterOperation, { kind: 'restore' }>;
  /** Of the etcd that is installed on them. */
  readonly etcdVersion: string;
}

/** Throws Failure with the command that goes on, where a step fails: `restore --resume`, after any interruption. */
export async function restoreCluster(context: Carried, order: RestoreOrder): Promise<CarriedOut> {
  const { before, operation, etcdVersion } = order;
  const { topology, places } = context.cluster;
  const next = recordOfRestore(before, places, topology.name, operation, etcdVersion);
  const record = await context.audited.step('write the new cluster down', () =>
    beginRecord(context.cluster, before, next, context.reached),
  );
  return carryOut(context, record);
}

/** Puts back what the restore `operation.of` has moved aside. `before` may be the record of that restore while it is under way. */
export async function undoRestore(
  context: Carried,
  before: BootstrapRecord,
  operation: Extract<ClusterOperation, { kind: 'undo' }>,
): Promise<CarriedOut> {
  const former = await recordBefore(context.cluster.state, operation.of);
  const record = await context.audited.step('write the former cluster down', () =>
    beginRecord(context.cluster, before, recordOfUndo(before, former, operation), context.reached),
  );
  return carryOut(context, record);
}
