/**
 * Data that was moved aside: bounded by age and size, the newest always kept. Only directories that this agent's own
 * records name are ever removed, and only after the member that replaced them was a verified voter.
 */
import type { MemberSpec } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { HealStore } from './memory.js';

export async function pruneQuarantines(
  { files, clock, log }: Pick<AgentHost, 'files' | 'clock' | 'log'>,
  heal: HealStore,
  { healing }: Pick<MemberSpec, 'healing'>,
): Promise<void> {
  const { history } = await heal.read();
  const all = history.flatMap(({ quarantines, endedAt }) =>
    quarantines.map((path) => ({ path, endedMs: Date.parse(endedAt) })),
  );
  const sized: { path: string; endedMs: number; bytes: number }[] = [];
  for (const each of all) {
    if ((await files.stat(each.path)).kind === 'directory')
      sized.push({ ...each, bytes: await files.usedBytes(each.path) });
  }
  let keptBytes = 0;
  for (const [back, { path, endedMs, bytes }] of [...sized].reverse().entries()) {
    const old = clock.now().getTime() - endedMs > healing.quarantineMs;
    const tooMuch = back > 0 && keptBytes + bytes > healing.quarantineBytesMax;
    if (back > 0 && (old || tooMuch)) {
      await files.removeTree(path);
      log.info({ path, bytes }, old ? 'an old quarantine was removed' : 'a quarantine was removed for room');
    } else if (back > 0) {
      keptBytes += bytes;
    }
  }
}
