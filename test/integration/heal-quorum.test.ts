/** Two of three are broken at once: nothing acts, everybody says why, and with one of them given back all of it heals. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { askedOr, sleep, type TestNode, waitFor } from '../support/index.js';
import { eventLines, newestEvent } from '../worlds/loopback/agent-record.js';
import { copyDisk, hang, powerOff, rollBack, wipe } from '../worlds/loopback/faults.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';

let world: HealingWorld;
let copyOfThird: string;

/** Longer than any time of the policy after which something would be done. */
const quietMs = 6_000;

beforeAll(async () => {
  world = await HealingWorld.start({ version: askedOr('3.4.23') });
  // For the rollback: by then the others have seen this member for long enough.
  const third = world.nodes[2]!;
  await powerOff(third);
  copyOfThird = copyDisk(third);
  await third.startAgent();
  await world.whole(30_000);
  return () => world.close();
});

test('two of three without data: nobody acts, all say why, status ends with 4; one given back, both are healed', async () => {
  const [first, second, third] = world.nodes as [TestNode, TestNode, TestNode];
  const stash = join(first.dir, 'stash');
  const ids = await Promise.all([first, second].map((node) => world.memberId(node)));
  const marks = world.nodes.map(newestEvent);
  await world.round(
    async () => {
      renameSync(join(first.dataDir, 'member'), stash);
      await Promise.all([first.killEtcd(), wipe(second, 'killed')]);
      await Promise.all([
        ...[first, second].map((node) => world.explains(node, 'quorum: ')),
        world.explains(third, 'no linearizable read succeeds'),
      ]);
      await sleep(quietMs);
      world.nodes.forEach((node, at) => {
        expect(eventLines(node, marks[at]).filter((line) => !line.startsWith('waiting'))).toEqual([]);
      });
      for (const [node, at] of [
        [first, 0],
        [second, 1],
      ] as const)
        expect(eventLines(node, marks[at]).join('\n')).toMatch(/waiting rejoinDataGone .*quorum: /);
      const status = await world.cluster.coordinator(['status']);
      expect(status.code, status.stdout + status.stderr).toBe(4);
      renameSync(stash, join(first.dataDir, 'member'));
    },
    { repaired: [second] },
  );
  expect(await world.memberId(first)).toBe(ids[0]);
  world.expectRepaired(second, 'rejoinDataGone', ids[1]!);
});

test('two of three without power: the third does nothing; one that is back waits a minute for the other, which may know better', async () => {
  const [first, second, third] = world.nodes as [TestNode, TestNode, TestNode];
  const ids = await Promise.all(world.nodes.map((node) => world.memberId(node)));
  const mark = newestEvent(third);
  await world.round(async () => {
    await Promise.all([powerOff(first), powerOff(second)]);
    await world.explains(third, 'nothing but starting etcd on its own intact data is done');
    await sleep(quietMs);
    expect(eventLines(third, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
    const beforeStart = newestEvent(first);
    const began = performance.now();
    await first.startAgent();
    await waitFor('quorum', async () => (await world.list([third])) !== undefined, 90_000);
    expect(performance.now() - began).toBeGreaterThan(55_000);
    expect(eventLines(first, beforeStart).join('\n')).toContain(
      `this node with ${second.name}, not heard yet`,
    );
    await sleep(1_000);
    await second.startAgent();
  });
  expect(await Promise.all(world.nodes.map((node) => world.memberId(node)))).toEqual(ids);
});

test('files deleted under a running member while another has no power: it votes on, and is replaced when the other is back', async () => {
  const [first, second] = world.nodes as [TestNode, TestNode, TestNode];
  const oldId = await world.memberId(first);
  const pid = first.etcdPid();
  const { written } = await world.round(
    async () => {
      await powerOff(second);
      // Peers notice by their own deadlines; what a look saw before is not what is asked here.
      await world.explains(first, `neither agent nor etcd of ${second.name}`);
      const mark = newestEvent(first);
      await wipe(first, 'running');
      await sleep(quietMs);
      expect(eventLines(first, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
      expect(first.etcdPid()).toBe(pid);
      await second.startAgent();
    },
    { repaired: [first] },
  );
  world.expectRepaired(first, 'rejoinDataGone', oldId);
  // Two of three were a quorum all the while, but for an election.
  expect(written.longestStallMs).toBeLessThan(quietMs);
});

test('all lose power and one comes back with an older disk: it waits for the others, then joins again; nothing is lost', async () => {
  const third = world.nodes[2]!;
  const oldId = await world.memberId(third);
  const mark = newestEvent(third);
  await world.round(
    async () => {
      await Promise.all(world.nodes.map(powerOff));
      rollBack(third, copyOfThird);
      await Promise.all(world.nodes.map((node) => node.startAgent()));
    },
    { repaired: [third] },
  );
  world.expectRepaired(third, 'rejoinRolledBack', oldId);
  expect(eventLines(third, mark).filter((line) => line.includes('startEtcd: '))).toEqual([]);
});

test('one without data and one silent: the silent one is not removed, and once it answers all is healed', async () => {
  const [broken, silent, third] = world.nodes as [TestNode, TestNode, TestNode];
  const ids = await Promise.all(world.nodes.map((node) => world.memberId(node)));
  const marks = world.nodes.map(newestEvent);
  await world.round(
    async () => {
      silent.pauseAgent();
      hang(silent);
      await wipe(broken, 'killed');
      await sleep(quietMs);
      for (const [node, at] of [
        [broken, 0],
        [third, 2],
      ] as const)
        expect(eventLines(node, marks[at]).filter((line) => !line.startsWith('waiting'))).toEqual([]);
      const pid = silent.etcdPid()!;
      process.kill(pid, 'SIGCONT');
      silent.resumeAgent();
    },
    { repaired: [broken] },
  );
  world.expectRepaired(broken, 'rejoinDataGone', ids[0]!);
  expect(await world.memberId(silent)).toBe(ids[1]);
});
