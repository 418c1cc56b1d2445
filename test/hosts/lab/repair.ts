/** The journal that an agent keeps of a repair of its own member, read from outside the host. */
import { readFileSync } from 'node:fs';
import type { Host } from './host.js';

/** There while a repair is under way. */
export const repairFile = '/var/lib/etcd-agent/repair.json';

/** Resolves, with the stage, as soon as the host's journal of a repair is at one of these. */
export async function repairReaches(
  host: Host,
  stages: readonly string[],
  withinMs: number,
): Promise<string> {
  const untilMs = performance.now() + withinMs;
  let last = 'no repair';
  while (performance.now() < untilMs) {
    try {
      last = (JSON.parse(readFileSync(host.path(repairFile), 'utf8')) as { stage: string }).stage;
      if (stages.includes(last)) return last;
    } catch {
      // It has not begun, or ended a moment ago.
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`the repair on ${host.name} did not reach ${stages.join(' or ')}; last: ${last}`);
}
