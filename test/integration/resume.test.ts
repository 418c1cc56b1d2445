/**
 * The coordinator is killed while it bootstraps, at every step and at moments drawn from seeds; run again, it goes on from
 * what is true. Agents that are killed are in resume-agents.test.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  bootstrapPhases,
  clusterOf,
  describeOutcome,
  expectEnd,
  expectWhole,
  seeded,
  sleep,
  strikeAt,
  type TestCluster,
  testCluster,
} from '../support/index.js';
import { sampled } from '../support/thorough.js';

test('a coordinator killed at the beginning and the end of every phase in turn has, run again, one bootstrap and its ids', async (context) => {
  const cluster = await clusterOf(context);
  await cluster.prepare();
  const ids = new Set<string>();
  const struckAt: string[] = [];
  for (const phase of bootstrapPhases) {
    for (const at of ['begin', 'end'] as const) {
      const { struck, outcome } = await strikeAt(cluster, phase, at, ({ kill }) => kill('SIGKILL'));
      // Where the phases before it had nothing left to do, the bootstrap went through: no failure either.
      if (struck) expect(outcome.signal, describeOutcome(outcome)).toBe('SIGKILL');
      else expectEnd(outcome, 0);
      if (struck) struckAt.push(`${phase} ${at}`);
      const record = cluster.record();
      if (record !== undefined) ids.add(record.bootstrapId);
    }
  }
  // Enrolment is over once it is over; every other phase comes again as long as etcd has not started.
  expect(struckAt.length, struckAt.join(', ')).toBeGreaterThanOrEqual(11);
  const record = await expectWhole(cluster, await cluster.bootstrap());
  expect([...ids]).toEqual([record.bootstrapId]);
});

// Each time from the same beginning, three kills each: the seed in a name strikes at the same moments again, and
// ETCD_AGENT_TEST_SEEDS=37,53 at others.
const seeds = process.env.ETCD_AGENT_TEST_SEEDS?.split(',').map(Number) ?? sampled([11, 23], 2);
describe('killed at moments', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.must(['init', '-f', cluster.topologyFile]);
    await cluster.giveTokens();
    cluster.remember();
    return () => cluster.close();
  });

  test.each(seeds)('drawn from seed %i, it finishes in the end what it began, under one id', async (seed) => {
    const random = seeded(seed);
    await cluster.goBack();
    await cluster.startAgents();
    const ids = new Set<string>();
    const moments: string[] = [];
    for (let kill = 0; kill < 3; kill += 1) {
      // A bootstrap takes about three seconds after half a second of loading; later kills find less to do.
      const afterMs = 400 + Math.round(random() * (kill === 0 ? 3_000 : 1_500));
      const running = cluster.startCoordinator(['bootstrap', '--yes']);
      await Promise.race([sleep(afterMs), running.ended]);
      running.kill('SIGKILL');
      const { signal, stderr } = await running.ended;
      moments.push(`${afterMs} ms, ${signal ?? 'over'}: ${stderr.trim().split('\n').at(-1)}`);
      const record = cluster.record();
      if (record !== undefined) ids.add(record.bootstrapId);
    }
    const outcome = await cluster.bootstrap();
    const record = await expectWhole(cluster, outcome).catch((error: Error) => {
      error.message += `\nkilled at: ${moments.join('; ')}`;
      throw error;
    });
    expect([...ids].every((id) => id === record.bootstrapId)).toBe(true);
  });
});

test('Ctrl-C ends with 130 and says what to run; run again, it is healthy', async (context) => {
  const cluster = await clusterOf(context, { nodes: 1 });
  await cluster.prepare();
  const { outcome } = await strikeAt(cluster, 'Certify ', 'begin', ({ kill }) => kill('SIGINT'));
  expectEnd(outcome, 130, 'run the same command again');
  await expectWhole(cluster, await cluster.bootstrap());
  expect(existsSync(join(cluster.nodes[0]!.runDir, 'may-start-empty'))).toBe(false);
});

test('of two coordinators at once one bootstraps, the other is refused and told which process has the state', async (context) => {
  const cluster = await clusterOf(context, { nodes: 1 });
  await cluster.prepare();
  let second: ReturnType<typeof cluster.bootstrap> | undefined;
  let firstPid = 0;
  const { outcome } = await strikeAt(cluster, 'Enrol', 'begin', async (first) => {
    firstPid = first.pid;
    // Held in its tracks until the second has had its answer.
    first.kill('SIGSTOP');
    second = cluster.bootstrap();
    await second;
    first.kill('SIGCONT');
  });
  expectEnd(await second!, 6, `process ${firstPid}`, 'another coordinator');
  await expectWhole(cluster, outcome);
});
