/**
 * A restore on real etcd 3.5 while one node's agent is not reached and its etcd runs on: it is fenced as soon as its agent sees
 * the others again, remembers that, and rejoins when it has been told; the same when the restore is taken back.
 */
import { beforeAll, expect, test } from 'vitest';
import { askedOr, describeOutcome, foreignSnapshot, type TestNode, waitFor } from '../support/index.js';
import { eventLines, newestEvent, repairsOf } from '../worlds/loopback/agent-record.js';
import { RestoreWorld } from '../worlds/loopback/restore-rows.js';

let world: RestoreWorld;
let others: readonly TestNode[];
let away: TestNode;

beforeAll(async () => {
  world = await RestoreWorld.start(askedOr('3.5.30'), ['/registry/pods/a', 'kept/a']);
  others = world.nodes.slice(0, 2);
  away = world.nodes[2]!;
  return () => world.healing.close();
});

test('without the node that is away: the others are the cluster, and the revision is raised for Kubernetes', async () => {
  away.pauseAgent();
  const refused = await world.restore();
  expect(refused.code, describeOutcome(refused)).toBe(6);
  expect(refused.stderr).toMatch(/etcd2 is not reached.*/);
  const outcome = await world.restore('--without', 'etcd2');
  expect(outcome.code, describeOutcome(outcome)).toBe(3);
  expect(outcome.stderr).toMatch(/raised by 1000000000/);
  await world.healing.whole(30_000, others);
  const status = await world.healing.status(others[0]!);
  expect(BigInt(status!.revision)).toBeGreaterThan(1_000_000_000n);
  expect(away.etcdPid(), 'nobody has stopped it yet').toBeDefined();
});

test('its etcd is stopped when its agent sees the others, and not started when it is alone', async () => {
  let mark = newestEvent(away);
  away.resumeAgent();
  await world.healing.orTold(
    waitFor('the fence', () => eventLines(away, mark).includes('done fence stopEtcd'), 30_000),
  );
  expect(away.etcdPids()).toEqual([]);
  await away.endAgent();
  for (const node of others) node.pauseAgent();
  mark = newestEvent(away);
  await away.startAgent();
  const waits = /^waiting fence generation \d+ of another cluster was seen: waiting for the coordinator$/;
  await waitFor('why it waits', () => eventLines(away, mark).some((line) => waits.test(line)));
  expect(away.etcdPids()).toEqual([]);
  for (const node of others) node.resumeAgent();
});

test('told by restore --resume it rejoins by the ordinary repair, and its former data is moved aside', async () => {
  const repairs = repairsOf(away).length;
  const outcome = await world.cluster.must(['restore', '--resume']);
  expect(outcome.stdout).toMatch(/etcd2 now has generation/);
  await world.healing.orTold(waitFor('the repair', () => repairsOf(away).length > repairs, 60_000));
  expect(repairsOf(away).at(-1)).toMatchObject({ rule: 'rejoinFormer' });
  await world.settled();
  expect(await world.keys()).toMatch(
    /^\/registry\/pods\/a\nof the snapshot\nchanged\nof the snapshot\nkept\/a\nof the snapshot\n$/,
  );
  expect(world.aside(away)).toHaveLength(1);
});

test('taken back, those with former data are the cluster again, and the one that came later rejoins it', async () => {
  const repairs = repairsOf(away).length;
  const outcome = await world.undo();
  expect(outcome.code, describeOutcome(outcome)).toBe(0);
  expect(outcome.stderr).toMatch(/etcd2 rejoin by themselves: they have none of the former data/);
  await world.healing.orTold(waitFor('the repair', () => repairsOf(away).length > repairs, 60_000));
  await world.settled();
  expect(await world.keys()).toMatch(/changed\nlater\n.*later\/b\nlater\n$/s);
});

test("an older version's snapshot of another cluster is told apart, and restored without the alarm it was saved under", async () => {
  const keys = { 'foreign/a': 'of 3.4', 'foreign/b': 'too' };
  const file = await foreignSnapshot('3.4.23', world.cluster.dir, keys, { full: true });
  const outcome = await world.restoreOf(file);
  expect(outcome.code, describeOutcome(outcome)).toBe(0);
  expect(outcome.stderr).toMatch(/warning: .* the snapshot is of another cluster/);
  await world.settled();
  expect(await world.keys()).toBe('foreign/a\nof 3.4\nforeign/b\ntoo\n');
  await world.put('after/a', 'is taken');
});
