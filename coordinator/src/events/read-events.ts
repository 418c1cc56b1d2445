/** Reading what one agent has written down: the newest of it, or what is new since the last look. */
import { type AgentEvent, eventsPageMax } from '@etcd-agent/protocol';
import type { NodeLink } from '../link/dial-node.js';

/** An event with the node it happened on. */
export type NodeEvent = AgentEvent & { readonly node: string };

export interface Wanted {
  /** Nothing before this moment, by the agent's own clock, milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  /** At most so many, the newest. */
  readonly limit: number | undefined;
}

type Agent = Pick<NodeLink, 'call' | 'place'>;

/** Reads backwards in pages, so that an agent with a long past is asked for what is wanted only. */
export async function readNewest(
  agent: Agent,
  { sinceMs, limit }: Wanted,
): Promise<{ readonly events: readonly NodeEvent[]; readonly newest: number }> {
  const { newest } = await agent.call('events.read', { after: 0, limit: 1 });
  const found: NodeEvent[] = [];
  let above = newest;
  while (above > 0 && (limit === undefined || found.length < limit)) {
    const after = Math.max(0, above - eventsPageMax);
    const page = (await readPage(agent, after)).filter(({ seq }) => seq <= above);
    found.unshift(...page);
    const [first] = page;
    // Nothing there: older ones are no longer kept.
    if (first === undefined || (sinceMs !== undefined && Date.parse(first.at) < sinceMs)) break;
    above = after;
  }
  const wanted = found.filter(({ at }) => sinceMs === undefined || Date.parse(at) >= sinceMs);
  return { events: limit === undefined ? wanted : wanted.slice(-limit), newest };
}

/** Everything above `after`. An agent whose state began anew counts from one again: then all it has. */
export async function readNew(
  agent: Agent,
  after: number,
): Promise<{ readonly events: readonly NodeEvent[]; readonly newest: number }> {
  const events: NodeEvent[] = [];
  let { newest } = await agent.call('events.read', { after, limit: 1 });
  let last = newest < after ? 0 : after;
  while (last < newest) {
    const page = await readPage(agent, last);
    if (page.length === 0) break;
    events.push(...page);
    last = page.at(-1)!.seq;
    newest = Math.max(newest, last);
  }
  return { events, newest: Math.max(last, newest) };
}

async function readPage(agent: Agent, after: number): Promise<NodeEvent[]> {
  const { events } = await agent.call('events.read', { after, limit: eventsPageMax });
  return events.map((event) => ({ ...event, node: agent.place.name }));
}

/** By time; what one node wrote at one moment stays in its order. */
export function merged(events: readonly NodeEvent[]): NodeEvent[] {
  return [...events].sort(
    (a, b) => Date.parse(a.at) - Date.parse(b.at) || a.node.localeCompare(b.node) || a.seq - b.seq,
  );
}
