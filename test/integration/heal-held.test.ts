/** A node that may not be repaired just now: in a pause, and where one repair after the other does not hold. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { askedOr, sleep, type TestNode, waitFor } from '../support/index.js';
import { eventLines, newestEvent } from '../worlds/loopback/agent-record.js';
import { wipe } from '../worlds/loopback/faults.js';
import { HealingWorld } from '../worlds/loopback/healing-world.js';

let world: HealingWorld;

/** Longer than any time of the policy after which something would be done. */
const quietMs = 5_000;

beforeAll(async () => {
  world = await HealingWorld.start({ version: askedOr('3.3.25'), healing: { hold: '10m' } });
  return () => world.close();
});

test('a member that is wiped in a pause waits and says so; resumed, it joins again', async () => {
  const [node] = await world.followers();
  const oldId = await world.memberId(node!);
  await world.round(
    async () => {
      await world.cluster.must(['heal', 'pause', '--for', '1h', '--reason', 'moving racks']);
      const mark = newestEvent(node!);
      await wipe(node!, 'killed');
      await says(node!, mark, /^waiting rejoinDataGone .*paused until .*moving racks/);
      await sleep(quietMs);
      expect(eventLines(node!, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
      const explained = await world.cluster.must(['explain', node!.name]);
      expect(explained.stdout).toMatch(/Next:\n +nothing before what it waits for has changed/);
      expect(explained.stdout).toMatch(/coordinator heal resume/);
      await world.cluster.must(['heal', 'resume']);
    },
    { repaired: [node!] },
  );
  world.expectRepaired(node!, 'rejoinDataGone', oldId);
});

test('a repair that did not hold is not repeated at once; told that it need not hold so long, the agent goes on', async () => {
  // The one that was repaired a moment ago, in the test before.
  const node = world.nodes.find((each) =>
    eventLines(each).some((line) => /^decided rejoinDataGone/.test(line)),
  )!;
  const oldId = await world.memberId(node);
  await world.round(
    async () => {
      const mark = newestEvent(node);
      await wipe(node, 'killed');
      await says(node, mark, /^waiting rejoinDataGone .*did not hold; the next one in \d/);
      await sleep(quietMs);
      expect(eventLines(node, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
      const { topologyFile } = world.cluster;
      const text = readFileSync(topologyFile, 'utf8');
      expect(text).toContain('hold: 10m');
      writeFileSync(topologyFile, text.replace('hold: 10m', 'hold: 0s'));
      await world.cluster.must(['apply', '-f', topologyFile]);
    },
    { repaired: [node] },
  );
  world.expectRepaired(node, 'rejoinDataGone', oldId);
});

async function says(node: TestNode, mark: number, what: RegExp): Promise<void> {
  await world.orTold(
    waitFor(`${node.name} to say ${what.source}`, () =>
      eventLines(node, mark).some((line) => what.test(line)),
    ),
  );
}
