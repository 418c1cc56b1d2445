/** `coordinator compact`: throws away what keys were before, on every member. What they are stays. */
import { EtcdError } from '@etcd-agent/etcd';
import { etcdFailure } from '../cluster/etcd-failure.js';
import { Failure } from '../failure.js';
import { recorded } from '../operation.js';
import { roomRows, roomTable } from '../output/room.js';
import type { View } from '../output/view.js';
import { newestRevision } from '../room/newest-revision.js';
import { healthyMember, openRoom } from '../room/open-room.js';
import { withRoom } from '../room/see-room.js';
import { ask, type CommandContext } from './context.js';

/** etcd goes through the whole history, some thousand revisions at a time, and lets others write between. */
const compactMsMax = 10 * 60_000;

export interface CompactFlags {
  /** Decimal; what was before it goes. Undefined: the newest, less `keep`. */
  readonly revision: string | undefined;
  readonly keep: number;
  readonly yes: boolean;
}

export async function compact(
  { stateDir, progress }: CommandContext,
  { revision, keep, yes }: CompactFlags,
): Promise<View> {
  const { cluster, credentials, look } = await openRoom(stateDir);
  const before = await look();
  const member = healthyMember(before);
  const newest = await newestRevision(member.endpoint, credentials);
  const target = revision === undefined ? newest - BigInt(keep) : BigInt(revision);
  if (target < 1n || target > newest)
    throw new Failure({
      exit: 'usage',
      what: `revision ${target} is not between 1 and the newest, ${newest}`,
      next: 'coordinator compact, or with --revision N',
    });
  const question = `Throw away what keys of ${cluster.topology.name} were before revision ${target} (the newest is ${newest})? Watchers that are behind it begin anew.`;
  if (!yes && !(await ask(question, 'coordinator compact --yes')))
    throw new Failure({ exit: 'failed', what: 'nothing was changed', next: 'coordinator compact' });
  const lock = await cluster.state.lock('coordinator compact');
  try {
    const outcome = await recorded(
      cluster.state,
      {
        action: 'compact',
        plan: [`compact at revision ${target}, through ${member.node}`],
        before: { newest: String(newest), members: roomRows(before.members) },
        resume: `coordinator compact --revision ${target}`,
      },
      (operation) =>
        operation.step(`compact at ${target}`, () =>
          progress.phase(`Compact at revision ${target}`, () =>
            compactAt(String(target), member.endpoint, credentials),
          ),
        ),
      (value) => ({ outcome: value }),
    );
    const after = await look();
    return {
      document: {
        kind: 'Compact',
        outcome,
        revision: String(target),
        newest: String(newest),
        members: roomRows(after.members),
      },
      table: `${outcome === 'already' ? 'compacted there before' : 'compacted'} at revision ${target}\n\n${roomTable(after.members)}`,
      notes: ['the files are as large as before; next: coordinator defrag'],
    };
  } finally {
    await lock.release();
  }
}

async function compactAt(
  revision: string,
  endpoint: string,
  credentials: Parameters<typeof withRoom>[1],
): Promise<'compacted' | 'already'> {
  try {
    await withRoom(endpoint, credentials, (room) => room.compact(revision, compactMsMax));
    return 'compacted';
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    if (error.kind === 'compacted') return 'already';
    throw etcdFailure(
      error,
      `whether the history was compacted at ${revision} is not known`,
      `coordinator compact --revision ${revision}  (again: it does no harm)`,
    );
  }
}
