/**
 * The permit is for a first start, and its retries within a minute where etcd dies before it has written anything. It ends as
 * soon as a WAL is there, or when nothing is being started any more.
 *
 * Preconditions: the permit file is there; a WAL is there, or etcd neither runs nor is on its way.
 */
import type { Local } from './local.js';
import type { RuleOutcome } from './step.js';

export function retirePermit({ permit, dataDir, etcdMoves }: Local): RuleOutcome {
  if (!permit) return { kind: 'nothing' };
  if (dataDir.hasWal)
    return { kind: 'step', step: { kind: 'removePermit', why: 'etcd has written its WAL' } };
  if (!etcdMoves) return { kind: 'step', step: { kind: 'removePermit', why: 'nothing is being started' } };
  return { kind: 'waiting', reason: 'etcd is starting on an empty data dir and has not written its WAL yet' };
}
