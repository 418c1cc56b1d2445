/** `coordinator node accept-disk NODE`: the empty file system under the data dir is the right one. */
import { audit } from '../audit.js';
import { askAgents, withAgents } from '../cluster/ask-agents.js';
import { openCluster, placeOf } from '../cluster/open-cluster.js';
import { operatorName } from '../operator.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

export async function acceptDisk({ stateDir }: CommandContext, node: string): Promise<View> {
  const cluster = await openCluster(stateDir);
  const place = placeOf(cluster, node, 'node accept-disk');
  const by = operatorName();
  const { answered, silent } = await withAgents(cluster, [place], (reached) =>
    askAgents(reached, (link) => link.call('disk.accept', { by })),
  );
  const fileSystem = answered[0]?.value.fileSystem;
  const failure = silent[0]?.failure;
  await audit(cluster.state, {
    action: 'node accept-disk',
    node,
    outcome: failure === undefined ? 'ok' : failure.parts.exit === 'refused' ? 'refused' : 'failed',
    detail: failure === undefined ? { fileSystem } : { why: failure.parts.what },
  });
  if (failure !== undefined) throw failure;
  return {
    document: { kind: 'AcceptDisk', node, fileSystem },
    table: `${node}: file system ${fileSystem} under ${place.dataDir} is accepted`,
    notes: [`next: coordinator explain ${node}`],
  };
}
