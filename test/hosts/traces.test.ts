/**
 * What the hosts tests do to the machine they run on: nothing is sent outside their own namespaces, and nothing is left, neither
 * by a run that ends nor, once the next one has begun, by a run that was killed.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { must, run } from './lab/commands.js';
import { awaitTheEnd, isKilledRun, killedRun } from './lab/killed-run.js';
import { fiveHostNames, labNamespace, namespaceOf } from './lab/places.js';
import { story } from './lab/story.js';
import { labProcesses, traces } from './lab/traces.js';

/** Of a block that is for documentation: no machine has it, and asking for the way to it sends nothing. */
const elsewhere = ['192.0.2.1', '2001:db8::1'];

interface Link {
  readonly ifname: string;
  readonly link_type: string;
  /** The namespace of a cable's other end, by the number that this namespace has for it. */
  readonly link_netnsid?: number;
}

if (isKilledRun) {
  test('waits until it is killed', awaitTheEnd, 600_000);
} else {
  const file = fileURLToPath(import.meta.url);
  const booting = await killedRun(file, 'booting');
  const atWork = booting && (await killedRun(file, 'atWork'));
  await story(
    () => {},
    (lab) => {
      test('a run that was killed while its hosts booted leaves traces, and did not keep the next one from its work', () => {
        expect(booting?.left).toContain(`network namespace ${labNamespace}`);
        expect(atWork?.pids.length).toBeGreaterThan(10);
      });

      test('of a run that was killed at work nothing is there after the start of the next', () => {
        expect(atWork?.left).toContain(`network namespace ${labNamespace}`);
        const now = labProcesses().map(({ pid }) => pid);
        expect(atWork?.pids.filter((pid) => now.includes(pid))).toEqual([]);
        expect(lab.hosts.map(({ isRunning }) => isRunning)).toEqual([true]);
      });

      test.each([labNamespace, ...fiveHostNames.map((name) => namespaceOf(name))])(
        '%s: no route leads out of it, and no cable to any place but the lab',
        async (namespace) => {
          const ip = (...words: string[]) => must('ip', ['-json', '-n', namespace, ...words]);
          for (const family of ['-4', '-6']) {
            const routes = JSON.parse(await ip(family, 'route', 'show', 'table', 'all')) as { dst: string }[];
            expect(routes.filter(({ dst }) => dst === 'default')).toEqual([]);
          }
          for (const address of elsewhere) {
            const asked = await run('ip', ['-n', namespace, 'route', 'get', address]);
            expect(asked.stderr).toContain('unreachable');
          }
          const ids = JSON.parse(await ip('netns', 'list-id')) as { nsid: number; name?: string }[];
          const places = [labNamespace, ...fiveHostNames.map((name) => namespaceOf(name))];
          for (const link of JSON.parse(await ip('link')) as Link[]) {
            if (['lo', 'br0'].includes(link.ifname)) continue;
            expect(places, link.ifname).toContain(ids.find(({ nsid }) => nsid === link.link_netnsid)?.name);
          }
        },
      );

      test('when a run ends nothing is left of it', async () => {
        expect(await traces()).not.toEqual([]);
        await lab.clear();
        expect(await traces()).toEqual([]);
      });
    },
    { names: ['etcd0'] },
  );
}
