/** What an operator asks for and is not given: each refusal is an event with who asked, which guard, and its numbers. */
import { expect, it } from 'vitest';
import type { Picture } from '../heal/plan/picture.js';
import { cluster, picture } from '../heal/plan/testdata/pictures.js';
import { type CallContext, handlers } from './handlers.js';

type Method = keyof typeof handlers;

/** Calls one method of an agent that sees this picture and has no member spec; what it answers, and its events. */
async function call(method: Method, params: object, seen: Picture | undefined) {
  const events: unknown[][] = [];
  const healer = {
    lookNow: async () => (seen === undefined ? undefined : { picture: seen }),
    spec: async () => undefined,
    objectionToStart: async () => undefined,
    events: { record: async (...event: unknown[]) => void events.push(event) },
    wake() {},
  };
  const alone = <T>(act: () => Promise<T>) => act();
  const store = { spec: async () => undefined, dataDirRecord: async () => undefined };
  const heal = { read: async () => ({}), journal: async () => undefined, change: async () => {} };
  const context = {
    host: { store, heal, clock: { now: () => new Date('2026-01-01T00:00:00.000Z') } },
    caller: { role: 'coordinator', name: 'coordinator' },
    caretaker: { alone, healer },
    preflight: { end: async () => {} },
  } as unknown as CallContext;
  const handle = handlers[method] as (params: object, context: CallContext) => Promise<unknown>;
  const answer = await handle(params, context).catch((error: unknown) => error);
  return { answer, events };
}

it.each([
  [false, 'not replaced'],
  [true, 'would not be replaced'],
])('a replacement that a guard refuses (dry run: %s)', async (dryRun, what) => {
  const seen = picture({ cluster: cluster([0, 1, 2], [0]) });
  const { answer, events } = await call('member.replace', { dryRun, by: 'ann' }, seen);
  expect(answer).toMatchObject({ accepted: false });
  expect(events).toEqual([
    [
      'operator',
      'replaceMember',
      expect.stringContaining(`${what} for ann: quorum: 1 other voters of 3 healthy, 2 needed`),
      expect.objectContaining({ by: 'ann', quorum: '1 other voters of 3 healthy, 2 needed' }),
    ],
  ]);
});

it('a replacement that the guards allow is one event, and a dry run of it none', async () => {
  const seen = picture({ cluster: cluster([0, 1, 2], [0, 1, 2]) });
  expect((await call('member.replace', { dryRun: true, by: 'ann' }, seen)).events).toEqual([]);
  const { events } = await call('member.replace', { dryRun: false, by: 'ann' }, seen);
  expect(events).toEqual([['operator', 'replaceMember', 'asked for by ann']]);
});

it.each<[Method, object, string, string]>([
  ['member.replace', { dryRun: false, by: 'ann' }, 'replaceMember', 'refused for ann: this node has no'],
  [
    'member.remove',
    { memberId: 'a'.repeat(16), dryRun: false, by: 'ann' },
    'removeMember',
    'refused for ann: ',
  ],
  ['disk.accept', { by: 'ann' }, 'acceptDisk', 'refused for ann: this node has no member spec yet'],
  [
    'heal.pause',
    { until: '2025-01-01T00:00:00.000Z', by: 'ann', reason: 'r' },
    'pause',
    'refused for ann: a pause until 2025-01-01T00:00:00.000Z is over already',
  ],
  [
    'etcd.start',
    { bootstrapId: 'x' },
    'etcd.start',
    'refused for coordinator: this node has no spec of bootstrap x',
  ],
])('%s that is refused with a fault', async (method, params, rule, text) => {
  const { answer, events } = await call(method, params, undefined);
  expect(answer).toMatchObject({ kind: 'refused' });
  expect(events).toEqual([
    ['operator', rule, expect.stringContaining(text), { by: text.split(' ')[2]!.replace(':', '') }],
  ]);
});

it('what failed is no refusal', async () => {
  const { events } = await call('etcd.quarantine', { bootstrapId: 'x' }, undefined);
  expect(events).toEqual([]);
});
