/**
 * A data dir with a WAL has begun: its member exists, and an empty start under that member is never right again.
 *
 * Preconditions: a WAL of our cluster is there; we do not have `begun` on record, for whatever reason. What began for another
 * cluster is none of ours, whatever its WAL says: see `rejoinMisled`.
 */
import type { Local } from './local.js';
import type { RuleOutcome } from './step.js';

export function beginDataDir({ dataDir, stage }: Local): RuleOutcome {
  if (dataDir.kind === 'ours' && dataDir.hasWal && stage !== 'begun' && stage !== 'claimedForOther') {
    return { kind: 'step', step: { kind: 'recordBegun' } };
  }
  return { kind: 'nothing' };
}
