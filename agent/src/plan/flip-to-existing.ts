/**
 * etcd ignores `initial-*` once it has a WAL. From then on `new` is only a danger: should the data ever be lost, a
 * start with `new` would begin a second cluster of one.
 *
 * Preconditions: a WAL of our cluster is there; etcd.conf says `new`.
 */
import type { Local } from './local.js';
import type { RuleOutcome } from './step.js';

export function flipToExisting({ hasSpec, dataDir, confState }: Local): RuleOutcome {
  if (!hasSpec || confState !== 'new') return { kind: 'nothing' };
  if (dataDir.kind === 'ours' && dataDir.hasWal) return { kind: 'step', step: { kind: 'flipConf' } };
  return { kind: 'waiting', reason: 'etcd.conf says new until etcd has written its WAL' };
}
