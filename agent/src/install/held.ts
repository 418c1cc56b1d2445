/** Why another etcd may not be put on this host now. */
import { judgeDataDir } from '../data-dir.js';
import { effectiveSpec } from '../heal/effective-spec.js';
import type { AgentHost } from '../host.js';

/**
 * Undefined where nothing stands in the way. An etcd that runs, or data of a member, is an upgrade: one node after the other,
 * with a snapshot before. That is not done by replacing programs.
 */
export async function whyHeld(host: AgentHost): Promise<string | undefined> {
  const { services, store, files, heal } = host;
  const { kind } = await services.observe();
  if (kind === 'active' || kind === 'activating' || kind === 'deactivating' || kind === 'restarting')
    return 'an etcd runs on this host';
  if ((await heal.journal()) !== undefined) return 'a repair of the member on this host is under way';
  const [record, spec] = await Promise.all([store.dataDirRecord(), effectiveSpec(host)]);
  if (record?.stage === 'begun') return `${record.path} is the data dir of a member`;
  if (spec === undefined) return undefined;
  if (spec.hold !== undefined) return `operation ${spec.hold.id} is under way (${spec.hold.command})`;
  const view = await judgeDataDir(files, spec.etcd, { record, spec });
  return view.kind === 'ours' && view.wal.kind !== 'none'
    ? `${spec.etcd.dataDir} holds data of a member`
    : undefined;
}
