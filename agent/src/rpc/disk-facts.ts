/** Whether etcd's data can lie in a place of this host: the agent reaches it, there is room, the disk is quick. */
import type { PreflightFacts } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { outOfReach } from '../out-of-reach.js';

type Where = { readonly files: AgentHost['files']; readonly paths: Pick<AgentHost['paths'], 'stateDir'> };

/** Measuring writes a file for a moment. */
export async function diskFacts({ files, paths }: Where, dataDir: string): Promise<PreflightFacts['disk']> {
  const own = [paths.stateDir, '/etc/etcd-agent'].find((place) => `${dataDir}/`.startsWith(`${place}/`));
  if (own !== undefined) {
    return {
      kind: 'failed',
      why: `${dataDir} is in ${own}, which a purge of the package etcd-agent removes`,
      next: 'give the node another dataDir',
    };
  }
  try {
    const closed = await outOfReach(dataDir, 'dataDir');
    if (closed !== undefined) return { kind: 'failed', ...closed };
    const [freeBytes, fsync] = await Promise.all([files.freeBytes(dataDir), files.measureFsync(dataDir)]);
    return { kind: 'measured', freeBytes, fsyncMsMedian: fsync.medianMs, fsyncMsMax: fsync.maxMs };
  } catch (error) {
    return { kind: 'failed', why: (error as Error).message };
  }
}
