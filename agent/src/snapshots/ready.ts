/**
 * Whether snapshots can be kept and tried on this host: there is a program that restores them, and the directory is one that
 * the agent's unit lets it reach. What is written under a /tmp of its own would be gone with the next restart.
 */
import { Fault, type PreflightFacts } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { outOfReach } from '../out-of-reach.js';
import { findRestoreProgram } from './restore-program.js';

type Where = Pick<AgentHost, 'config' | 'paths' | 'services' | 'files'>;

/** Throws a Fault with the remedy: before a large file comes for nothing. */
export async function assertReady(host: Where, directory: string): Promise<void> {
  const closed = await outOfReach(directory, 'snapshots: { dir }');
  if (closed !== undefined) throw new Fault('failed', closed.why, closed.next);
  await findRestoreProgram(host);
}

/** For a coordinator that asks before the first is due. `dir`: of the topology; left out, the agent's own. */
export async function snapshotFacts(
  host: Where,
  dir = host.paths.snapshotsDir,
): Promise<NonNullable<PreflightFacts['snapshots']>> {
  try {
    await assertReady(host, dir);
    return { kind: 'ready', dir };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind: 'lacking', why: error.message, ...(error.hint === undefined ? {} : { next: error.hint }) };
  }
}
