/** What `member replace` leaves in the audit: the removal that it takes back, and the repair, whoever begins it. */
import { expect, it } from 'vitest';
import { readBootstrapRecord } from '../cluster/open-cluster.js';
import { publish } from '../generation/publish.js';
import { fakeLink, finishedCluster, reachedOf } from '../testing/fake-agents.js';
import { healStatusOf } from '../testing/healing.js';
import { type AskedReplace, askOrBegun, wantAgain } from './ask-replace.js';

/** A finished cluster out of which n2 was removed; `heard`: which agents answer. */
async function setUp(heard: readonly string[] = ['n0', 'n1', 'n2']) {
  const { cluster, record } = await finishedCluster();
  const [up, down] = [true, false].map((is) =>
    cluster.places.filter(({ name }) => heard.includes(name) === is),
  );
  const links = up!.map((place) => fakeLink(place, { 'spec.apply': () => ({ changed: true }) }));
  await publish(cluster, { ...record, unwanted: ['n2'] }, reachedOf([], cluster.places));
  const lines = async () =>
    ((await cluster.state.text('audit.jsonl')) ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  return { cluster, reached: reachedOf(links, down), lines };
}

const repair = {
  id: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11',
  rule: 'rejoinRemoved',
  stage: 'removing',
  startedAt: '2026-01-01T00:09:15.000Z',
  oldMemberId: 'a'.repeat(16),
};
const idle = healStatusOf('n2');
const repairing = healStatusOf('n2', { repair });
const accepted: AskedReplace = { guards: [], steps: [], accepted: true };

it('a removal that is taken back', async () => {
  const { cluster, reached, lines } = await setUp();
  await wantAgain(cluster, 'n2', reached);
  const { unwanted, generation } = (await readBootstrapRecord(cluster.state))!;
  expect(unwanted).toEqual([]);
  expect(await lines()).toMatchObject([
    { action: 'member replace', node: 'n2', outcome: 'ok', detail: { step: 'wanted again', generation } },
  ]);
});

it('a removal that is taken back on disk, of which the node has not heard', async () => {
  const { cluster, reached, lines } = await setUp(['n0', 'n1']);
  await expect(wantAgain(cluster, 'n2', reached)).rejects.toThrow('was not told');
  expect((await readBootstrapRecord(cluster.state))!.unwanted).toEqual([]);
  expect(await lines()).toMatchObject([
    {
      action: 'member replace',
      node: 'n2',
      outcome: 'failed',
      detail: { step: 'wanted again', why: expect.stringContaining('n2 was not told') },
    },
  ]);
});

it('a repair that the node began by itself', async () => {
  const { cluster, lines } = await setUp();
  const ask = () => Promise.reject(new Error('a repair is under way already'));
  const status = async () => repairing;
  expect(await askOrBegun(cluster, 'n2', { ask, status, before: repairing })).toBe('begun');
  // Between the look and the question.
  expect(await askOrBegun(cluster, 'n2', { ask, status, before: idle })).toBe('begun');
  const line = { action: 'member replace', node: 'n2', outcome: 'ok', detail: { begun: 'by itself' } };
  expect(await lines()).toMatchObject([line, line]);
});

it('a question, whether it is accepted, refused, or its answer is lost', async () => {
  const { cluster, lines } = await setUp();
  const status = async () => idle;
  await askOrBegun(cluster, 'n2', { ask: async () => accepted, status, before: idle });
  await askOrBegun(cluster, 'n2', {
    ask: async () => ({ ...accepted, accepted: false }),
    status,
    before: idle,
  });
  const ask = () => Promise.reject(new Error('the link broke'));
  await expect(askOrBegun(cluster, 'n2', { ask, status, before: idle })).rejects.toThrow('the link broke');
  expect(await lines()).toMatchObject([
    { outcome: 'ok' },
    { outcome: 'refused' },
    { outcome: 'failed', detail: { why: 'the link broke' } },
  ]);
});
