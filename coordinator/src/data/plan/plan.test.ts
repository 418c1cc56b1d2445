import { expect, it } from 'vitest';
import { GroupCounts, groupOf, segmentsIn } from './group-counts.js';
import { paceAfter } from './pace.js';
import { pickFollower } from './pick-follower.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

it.each([
  ['/kubernetes.io/pods/ns/a', 2, '/kubernetes.io/pods'],
  ['/kubernetes.io/pods', 2, '/kubernetes.io/pods'],
  ['/kubernetes.io', 2, '/kubernetes.io'],
  ['/kubernetes.io/pods/ns/a', 1, '/kubernetes.io'],
  ['a/b/c', 2, 'a/b'],
  ['//a', 1, '/'],
  ['plain', 3, 'plain'],
])('%s at depth %d is counted below %s', (key, depth, group) => {
  expect(text(groupOf(Buffer.from(key), depth))).toBe(group);
});

it.each([
  ['', 0],
  ['/kubernetes.io', 1],
  ['/kubernetes.io/', 1],
  ['/kubernetes.io/pods', 2],
  ['a', 1],
])('%j names %d segments', (prefix, segments) => {
  expect(segmentsIn(Buffer.from(prefix))).toBe(segments);
});

it('keys are counted by group, those of any bytes too, and groups beyond ten thousand together', () => {
  const counts = new GroupCounts(1);
  for (const key of ['/b/1', '/a/1', '/a/2', '/a-b/1']) counts.add(Buffer.from(key));
  counts.add(Uint8Array.of(0xff, 0xfe));
  expect(counts.groups.map(({ group, keys }) => [text(group), keys])).toEqual([
    ['/a', 2],
    ['/a-b', 1],
    ['/b', 1],
    ['\u00ff\u00fe', 1],
  ]);
  for (let at = 0; at < 10_000; at += 1) counts.add(Buffer.from(`key${at}`));
  expect(counts.groups).toHaveLength(10_000);
  expect(counts.beyondGroups).toBe(4);
});

it.each([
  [500, 200, { keys: 250, pauseMs: 200 }],
  [500, 10, { keys: 500, pauseMs: 10 }],
  [100, 10, { keys: 200, pauseMs: 10 }],
  [10, 5_000, { keys: 10, pauseMs: 1_000 }],
  [100, 30, { keys: 100, pauseMs: 30 }],
])('after %d keys in %d ms: %j', (keys, tookMs, pace) => {
  expect(paceAfter({ keys }, tookMs)).toEqual(pace);
});

const endpoint = (name: string, health: 'healthy' | 'unhealthy', leader: string) => ({
  name,
  endpoint: '',
  health: { kind: health },
  status: { memberId: name, leader, isLearner: false },
});

it('a healthy follower is asked, the leader where there is none, and who has failed last of all', () => {
  const [a, b, c] = [
    endpoint('a', 'healthy', 'a'),
    endpoint('b', 'healthy', 'a'),
    endpoint('c', 'healthy', 'a'),
  ];
  const down = endpoint('d', 'unhealthy', 'a');
  expect(pickFollower({ endpoints: [down, a, b, c] }, undefined)?.name).toBe('b');
  expect(pickFollower({ endpoints: [a, b, c] }, 'b')?.name).toBe('c');
  expect(pickFollower({ endpoints: [a, b, down] }, 'b')?.name).toBe('a');
  expect(pickFollower({ endpoints: [b] }, 'b')?.name).toBe('b');
  expect(pickFollower({ endpoints: [down] }, undefined)).toBeUndefined();
});
