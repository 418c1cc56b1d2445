/**
 * Data that was moved aside: bounded by age and size. The newest is always kept, and where a repair took several tries, so is
 * what its member had when it began: what comes after that is the rest of a join. Only directories that this agent's own
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
  const found: { path: string; repair: number; endedMs: number; bytes: number }[] = [];
  for (const [repair, { quarantines, endedAt }] of history.entries()) {
    for (const path of quarantines) {
      if ((await files.stat(path)).kind !== 'directory') continue;
      const bytes = await files.usedBytes(path);
      found.push({ path, repair, endedMs: Date.parse(endedAt), bytes });
    }
  }
  const newest = found.at(-1);
  const begunWith = found.find(({ repair }) => repair === newest?.repair);
  let keptBytes = 0;
  for (const { path, endedMs, bytes } of found
    .filter((each) => each !== newest && each !== begunWith)
    .reverse()) {
    const old = clock.now().getTime() - endedMs > healing.quarantineMs;
    if (old || keptBytes + bytes > healing.quarantineBytesMax) {
      await files.removeTree(path);
      log.info({ path, bytes }, old ? 'an old quarantine was removed' : 'a quarantine was removed for room');
    } else {
      keptBytes += bytes;
    }
  }
}
