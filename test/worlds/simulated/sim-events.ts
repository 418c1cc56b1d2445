/** What agents wrote into their event files, held against what they did (I8). */
import { type AgentEvent, agentEventSchema } from '@etcd-agent/protocol';
import { epochMs } from './clock.js';
import type { SimCluster } from './sim-cluster.js';

/** A decision is carried out within this time; a stop and its verification may be long. */
const decidedMsMax = 120_000;

interface Act {
  readonly node: string;
  readonly atMs: number;
  readonly what: string;
}

/**
 * Acts of agents for which nothing was written down before, as sentences. A try that repeats one that failed a moment ago
 * need not be said again.
 */
export function unrecorded(cluster: SimCluster, acts: readonly Act[]): string[] {
  const events = new Map(acts.map(({ node }) => [node, [] as AgentEvent[]]));
  for (const node of events.keys()) events.set(node, eventsOf(cluster, node));
  return acts.flatMap(({ node, atMs, what }) => {
    const found = events.get(node)!.some(({ kind, at }) => {
      const ageMs = atMs - (Date.parse(at) - epochMs);
      return (kind === 'decided' || kind === 'failed') && ageMs >= -1 && ageMs <= decidedMsMax;
    });
    return found ? [] : [`${node} did ${what} at ${atMs} ms and wrote down no decision before`];
  });
}

function eventsOf(cluster: SimCluster, node: string): AgentEvent[] {
  const { disk, paths } = cluster.host(node);
  return [`${paths.events}.1`, paths.events].flatMap((path) => {
    if (disk.entry(path)?.kind !== 'file') return [];
    return new TextDecoder()
      .decode(disk.read(path))
      .split('\n')
      .flatMap((line) => {
        try {
          const parsed = agentEventSchema.safeParse(JSON.parse(line));
          return parsed.success ? [parsed.data] : [];
        } catch {
          return [];
        }
      });
  });
}
