/**
 * Taking a restore back: what it had moved aside on this node is put in its place again, by one rename, and what it has put there
 * is moved aside.
 */
import { join } from 'node:path';
import { Fault } from '@etcd-agent/protocol';
import { readWal, recordDataDir } from '../data-dir.js';
import { installConf } from '../etcd-files.js';
import { ownerOf } from '../etcd-start.js';
import type { AgentHost } from '../host.js';
import { type HeldSpec, specOf } from './held.js';
import { contentOf, quarantineFor, quarantineOf, stopEtcd } from './quarantine.js';

/**
 * Where the operation that is undone has moved nothing usable aside, etcd is stopped and its data stays: a node that came to the
 * restored cluster later rejoins by the ordinary repair when this operation has ended.
 */
export async function putBackFor(host: AgentHost, operation: string): Promise<{ putBack: boolean }> {
  const spec = await specOf(host, operation, 'undo');
  const { dataDir } = spec.etcd;
  const content = await contentOf(host, spec);
  const kept = await quarantineOf(host, spec, spec.hold.of);
  if (content === 'own') {
    await settle(host, spec);
    return { putBack: kept === null };
  }
  if (kept === null || kept.clusterId !== spec.cluster.clusterId) {
    await stopEtcd(host);
    return { putBack: false };
  }
  await quarantineFor(host, operation);
  const owner = await ownerOf(host);
  await host.files.makeDirectory(dataDir, owner === undefined ? { mode: 0o700 } : { mode: 0o700, owner });
  await recordDataDir(host, spec, 'retired');
  await host.files.move(join(kept.path, 'member'), join(dataDir, 'member'));
  await settle(host, spec);
  return { putBack: true };
}

/** The member that this node is again is the one that its WAL names: a repair may have given it another id than the spec's. */
async function settle(host: AgentHost, spec: HeldSpec<'undo'>): Promise<void> {
  const { bootstrapId, clusterId } = spec.cluster;
  const wal = await readWal(host.files, join(spec.etcd.dataDir, 'member', 'wal'));
  if (wal.kind !== 'present' || wal.clusterId !== clusterId)
    throw new Fault('failed', `${spec.etcd.dataDir} has no WAL of cluster ${clusterId} after all`);
  await host.heal.change((memory) => ({ ...memory, member: { bootstrapId, memberId: wal.memberId } }));
  // A repair that the operation cut short begins anew, if it is still needed.
  if ((await host.heal.journal())?.bootstrapId === bootstrapId) await host.heal.closeJournal();
  await recordDataDir(host, { ...spec, memberId: wal.memberId }, 'begun');
  await installConf(host, spec, 'existing');
}
