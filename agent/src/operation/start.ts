/** Starting etcd for an operation: on the data that it has put there, and on nothing else. */
import { Fault } from '@etcd-agent/protocol';
import { installPems } from '../etcd-files.js';
import { startEtcd } from '../etcd-start.js';
import type { AgentHost } from '../host.js';
import { storedPems } from '../node-keys.js';
import { etcdUnit } from '../unit.js';
import { specOf } from './held.js';
import { contentOf } from './quarantine.js';

export async function startFor(
  host: AgentHost,
  operation: string,
  objection: () => Promise<string | undefined>,
): Promise<{ started: boolean }> {
  const spec = await specOf<'restore' | 'undo'>(host, operation, 'restore', 'undo');
  if ((await contentOf(host, spec)) !== 'own')
    throw new Fault(
      'refused',
      `${spec.etcd.dataDir} holds no data of cluster ${spec.cluster.clusterId}: etcd is not started`,
      spec.hold.command,
    );
  const pems = await storedPems(host);
  if (pems !== undefined) await installPems(host, pems);
  await host.services.install(await etcdUnit(host, spec));
  return startEtcd(host, spec.cluster.bootstrapId, objection);
}
