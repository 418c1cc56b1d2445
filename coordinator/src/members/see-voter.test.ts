/** How long a command looks for a voter that it can ask. */
import { expect, it } from 'vitest';
import type { ClusterView } from '../cluster/probe-members.js';
import { finishedCluster } from '../testing/fake-agents.js';
import { seeVoter } from './see-voter.js';

/** Three nodes of which these are healthy, look by look; the last is repeated. */
async function seen(healthyByLook: readonly (readonly string[])[], except = 'n2') {
  const { cluster, record } = await finishedCluster();
  const members = record.members.map(({ name, memberId, peerURLs }) => ({
    ...{ id: memberId, name, peerURLs, clientURLs: ['https://x:2379'] },
    ...{ role: 'voter', started: true },
  }));
  let nowMs = 0;
  let looks = 0;
  const notes: string[] = [];
  const view = await seeVoter({
    places: cluster.places,
    except,
    note: (text) => notes.push(text),
    clock: {
      now: () => new Date(nowMs),
      monotonicMs: () => nowMs,
      async sleep(ms) {
        nowMs += ms;
      },
    },
    async look() {
      const healthy = healthyByLook[Math.min(looks, healthyByLook.length - 1)]!;
      looks += 1;
      const endpoints = cluster.places.map(({ name }) => ({
        name,
        health: healthy.includes(name) ? { kind: 'healthy', tookMs: 1 } : { kind: 'unhealthy', why: 'x' },
      }));
      return { endpoints, members } as unknown as ClusterView;
    },
  });
  const healthy = view.endpoints.filter(({ health }) => health.kind === 'healthy').map(({ name }) => name);
  return { healthy, looks, nowMs, notes };
}

it('one look is enough where a voter is well', async () => {
  expect(await seen([['n0', 'n1']])).toEqual({ healthy: ['n0', 'n1'], looks: 1, nowMs: 0, notes: [] });
});

it('an election is waited for, and that is said', async () => {
  const { healthy, looks, notes } = await seen([[], [], ['n1']]);
  expect([healthy, looks]).toEqual([['n1'], 3]);
  expect(notes[0]).toMatch(/no voter answers .* up to 10 s/);
});

it('the member that is to be changed is nobody to ask', async () => {
  expect((await seen([['n2'], ['n2', 'n0']])).looks).toBe(2);
});

it('a lost quorum is not waited for longer than ten seconds', async () => {
  const { healthy, nowMs } = await seen([[]]);
  expect([healthy, nowMs]).toEqual([[], 10_000]);
});
