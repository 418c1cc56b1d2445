/**
 * Five members, two in trouble at once. Servers up to 3.5.29 add no member while a voter cannot be reached: two broken ones
 * are both removed first, and beside a silent one nothing is removed that could not be added again. Booted hosts tell the first.
 */
import { beforeAll, expect, test } from 'vitest';
import { type EtcdVersion, sleep, type TestNode, waitFor } from '../../support/index.js';
import { thoroughTest } from '../../support/thorough.js';
import { eventLines, newestEvent, repairsOf } from './agent-record.js';
import { hang, wipe } from './faults.js';
import { HealingWorld } from './healing-world.js';

/** On one cluster of five. */
export function tellFiveRows(version: EtcdVersion): void {
  let world: HealingWorld;

  beforeAll(async () => {
    world = await HealingWorld.start({ version, nodes: 5 });
    return () => world.close();
  });

  thoroughTest('two that are wiped at once, one of them leading, both join again', async () => {
    const [first, second] = world.nodes as [TestNode, TestNode];
    await world.makeLeader(second);
    const ids = await Promise.all([first, second].map((node) => world.memberId(node)));
    await world.round(
      async () => {
        await Promise.all([wipe(first, 'killed'), wipe(second, 'killed')]);
      },
      { repaired: [first, second], withinMs: 90_000 },
    );
    world.expectRepaired(first, 'rejoinDataGone', ids[0]!);
    world.expectRepaired(second, 'rejoinDataGone', ids[1]!);
  });

  if (version === '3.5.30') {
    thoroughTest('two that are wiped one second apart both join again', async () => {
      const [first, second] = world.nodes as [TestNode, TestNode];
      await world.round(
        async () => {
          await wipe(second, 'killed');
          await sleep(1_000);
          await wipe(first, 'killed');
        },
        { repaired: [first, second], withinMs: 90_000 },
      );
    });
  }

  test('one wiped and one silent: the silent one stays a member, and all is healed when it answers', async () => {
    const [broken, silent] = world.nodes as [TestNode, TestNode];
    const others = world.nodes.filter((node) => node !== broken && node !== silent);
    const oldId = await world.memberId(broken);
    const silentId = await world.memberId(silent);
    const mark = newestEvent(broken);
    const before = repairsOf(broken).length;
    await world.round(
      async () => {
        silent.pauseAgent();
        hang(silent);
        // Peers notice by their own deadlines; what a look saw before is not what is asked here.
        await sleep(3_000);
        await wipe(broken, 'killed');
        if (version === '3.5.30') {
          await world.orTold(
            waitFor('the repair beside the silent one', () => repairsOf(broken).length > before, 60_000, 100),
          );
        } else {
          // Not from its events: what it said a minute ago it does not write down again.
          await waitFor('that it names the silent one', async () => {
            const { stdout } = await world.cluster.coordinator(['explain', broken.name]);
            return /forecast: .*coordinator member remove etcd1/.test(stdout);
          });
          await sleep(3_000);
          expect(eventLines(broken, mark).filter((line) => !line.startsWith('waiting'))).toEqual([]);
          expect((await world.list(others))!.map(({ id }) => id)).toContain(oldId);
        }
        expect((await world.list(others))!.map(({ id }) => id)).toContain(silentId);
        process.kill(silent.etcdPid()!, 'SIGCONT');
        silent.resumeAgent();
      },
      version === '3.5.30' ? { withinMs: 60_000 } : { repaired: [broken], withinMs: 90_000 },
    );
    world.expectRepaired(broken, 'rejoinDataGone', oldId);
    expect(await world.memberId(silent)).toBe(silentId);
  });
}
