/** Events of many agents: what is asked for, in the order of time, and nothing twice though agents go and come. */
import type { AgentEvent } from '@etcd-agent/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeLink } from '../link/dial-node.js';
import { fakeLink } from '../testing/fake-agents.js';
import { places } from '../testing/situations.js';
import { follow } from './follow.js';
import { merged, type NodeEvent, readNew, readNewest } from './read-events.js';

const three = places(3);
const startMs = Date.parse('2026-01-01T00:00:00.000Z');

function event(seq: number, second = seq): AgentEvent {
  return {
    seq,
    at: new Date(startMs + second * 1_000).toISOString(),
    kind: 'decided',
    rule: 'startEtcd',
    message: `event ${seq}`,
  };
}

/** An agent with these events, as the real one reads them. */
function agentWith(log: readonly AgentEvent[], index = 0): NodeLink {
  return fakeLink(three[index]!, {
    'events.read': ({ after, limit }) => ({
      events: log.filter(({ seq }) => seq > after).slice(0, limit),
      newest: log.at(-1)?.seq ?? 0,
    }),
  });
}
const seqs = (events: readonly NodeEvent[]) => events.map(({ seq }) => seq);
const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, at) => event(from + at));

describe('the newest events of an agent', () => {
  it('are the last ones, whatever it has written and whatever it has kept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1_600 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 1, max: 1_200 }),
        async (count, from, limit) => {
          const log = upTo(count, from);
          const { events, newest } = await readNewest(agentWith(log), { limit, sinceMs: undefined });
          expect(seqs(events)).toEqual(log.slice(-limit).map(({ seq }) => seq));
          expect(newest).toBe(log.at(-1)?.seq ?? 0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('since a moment are all of them from that moment on, over several pages', async () => {
    const sinceMs = startMs + 300_000;
    const { events } = await readNewest(agentWith(upTo(1_400)), { limit: undefined, sinceMs });
    expect([events.length, events[0]?.seq]).toEqual([1_101, 300]);
  });

  it('after a number are those above it, over several pages', async () => {
    expect(seqs((await readNew(agentWith(upTo(1_200)), 100)).events)).toEqual(
      Array.from({ length: 1_100 }, (_, at) => 101 + at),
    );
  });

  it('of an agent whose state began anew are all it has', async () => {
    const { events, newest } = await readNew(agentWith(upTo(3)), 50);
    expect([seqs(events), newest]).toEqual([[1, 2, 3], 3]);
  });
});

it('events are merged by time, and those of one node stay in their order', () => {
  const of = (node: string, ...each: AgentEvent[]) => each.map((one) => ({ ...one, node }));
  const all = merged([...of('n1', event(1, 5), event(2, 5)), ...of('n0', event(7, 4), event(8, 6))]);
  expect(all.map(({ node, seq }) => `${node}/${seq}`)).toEqual(['n0/7', 'n1/1', 'n1/2', 'n0/8']);
});

describe('following', () => {
  it('goes on over an agent that goes and comes, and shows everything once', async () => {
    const log = [event(1), event(2)];
    let isUp = true;
    const printed: NodeEvent[] = [];
    const remarks: string[] = [];
    const ended = new AbortController();
    let looks = 0;
    const scenes: Record<number, () => void> = {
      3: () => log.push(event(3)),
      6: () => {
        isUp = false;
        log.push(event(4));
      },
      12: () => {
        isUp = true;
      },
      18: () => ended.abort(),
    };
    await follow({
      places: three.slice(0, 1),
      reach: async () => {
        if (!isUp) throw new Error('connect ECONNREFUSED');
        const link = agentWith(log);
        return {
          ...link,
          call: async (method, params) => {
            if (!isUp) throw new Error('the link closed');
            return link.call(method, params);
          },
        };
      },
      wanted: { limit: 1, sinceMs: undefined },
      emit: (events) => printed.push(...events),
      remark: (text) => remarks.push(text),
      signal: ended.signal,
      sleep: async () => {
        looks += 1;
        scenes[looks]?.();
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
    expect(seqs(printed)).toEqual([2, 3, 4]);
    expect(remarks).toEqual(['n0 does not answer: the link closed', 'n0 answers again']);
  });
});
