/**
 * Agents and etcds that are killed, stopped or absent while a bootstrap runs: it ends in bounded time and names the node;
 * when the agent is back, the same command makes the cluster whole.
 */
import { describe, expect, test } from 'vitest';
import {
  bootstrapPhases,
  clusterOf,
  describeOutcome,
  expectEnd,
  expectWhole,
  killAndWait,
  strikeAt,
  waitFor,
} from '../support/index.js';
import { sampled, thoroughTest } from '../support/thorough.js';

test('one agent killed at every phase in turn: each time an error that names it, in the end one healthy cluster', async (context) => {
  const cluster = await clusterOf(context);
  await cluster.prepare();
  const ids = new Set<string>();
  let strikes = 0;
  for (const [index, phase] of bootstrapPhases.entries()) {
    const victim = cluster.nodes[index % cluster.nodes.length]!;
    const { struck, outcome } = await strikeAt(cluster, phase, 'begin', () => victim.endAgent());
    if (struck) strikes += 1;
    // A strike that came late has left the next run nothing to do in a phase.
    else expect(outcome.code, `${phase} did not come\n${describeOutcome(outcome)}`).toBe(0);
    // The phase may have been over for this node before the kill.
    if (outcome.code !== 0) {
      expectEnd(outcome, outcome.code ?? 0, victim.name, 'next:');
      expect([1, 3, 4, 5], describeOutcome(outcome)).toContain(outcome.code);
    }
    expect(outcome.tookMs).toBeLessThan(60_000);
    await victim.startAgent();
    const record = cluster.record();
    if (record !== undefined) ids.add(record.bootstrapId);
  }
  expect(strikes).toBeGreaterThan(bootstrapPhases.length / 2);
  const record = await expectWhole(cluster, await cluster.bootstrap());
  expect([...ids]).toEqual([record.bootstrapId]);
});

thoroughTest(
  'all three agents killed while etcd starts: restarted, the same command makes the cluster whole',
  async (context) => {
    const cluster = await clusterOf(context);
    await cluster.prepare();
    const { struck, outcome } = await strikeAt(cluster, 'Start etcd on ', 'begin', async () => {
      await Promise.all(cluster.nodes.map((node) => node.endAgent()));
    });
    expect(struck, describeOutcome(outcome)).toBe(true);
    expect(outcome.code, describeOutcome(outcome)).not.toBe(0);
    const { bootstrapId } = cluster.record()!;
    await cluster.startAgents();
    expect((await expectWhole(cluster, await cluster.bootstrap())).bootstrapId).toBe(bootstrapId);
  },
);

test('an agent that does not run is named, with exit code 5; once it runs, the same command ends healthy', async (context) => {
  const cluster = await clusterOf(context, { nodes: 2 });
  await cluster.must(['init', '-f', cluster.topologyFile]);
  await cluster.giveTokens();
  await cluster.nodes[0]!.startAgent();
  const outcome = await cluster.bootstrap();
  expectEnd(outcome, 5, 'the agent of etcd1 cannot be reached', 'etcd-agent is not running there', 'next:');
  expect(outcome.stderr).not.toContain('agent of etcd0');
  expect(cluster.record(), 'nothing has begun').toBeUndefined();
  await cluster.nodes[1]!.startAgent();
  await expectWhole(cluster, await cluster.bootstrap());
});

test('an etcd killed right after its start is started again, on its own WAL, and the bootstrap ends healthy', async (context) => {
  const cluster = await clusterOf(context);
  await cluster.prepare();
  const victim = cluster.nodes[1]!;
  let first: number | undefined;
  const { outcome } = await strikeAt(cluster, 'Wait until all members', 'begin', async () => {
    first = victim.etcdPid();
    await victim.killEtcd();
  });
  await expectWhole(cluster, outcome);
  expect(victim.etcdPid()).not.toBe(first);
  expect(victim.agentLog()).toContain('etcd ended; it is started again');
});

// These wait for deadlines rather than for work: they can share the machine.
describe.concurrent('an agent that hangs', () => {
  thoroughTest(
    'from the beginning: the coordinator gives up in bounded time and names it',
    async (context) => {
      const cluster = await clusterOf(context, { nodes: 2 });
      await cluster.prepare();
      cluster.nodes[1]!.pauseAgent();
      const outcome = await cluster.bootstrap();
      expectEnd(outcome, 5, 'etcd1', 'next:');
      expect(outcome.tookMs).toBeLessThan(45_000);
      cluster.nodes[1]!.resumeAgent();
      await expectWhole(cluster, await cluster.bootstrap());
    },
  );

  test.for(sampled(['Configure ', 'Check '], 2))(
    'in the phase "%s": the coordinator gives up in bounded time and names it; let go, it ends healthy',
    { timeout: 150_000 },
    async (phase, context) => {
      const cluster = await clusterOf(context, { nodes: 2 });
      await cluster.prepare();
      const { struck, outcome } = await strikeAt(cluster, phase, 'begin', () =>
        cluster.nodes[1]!.pauseAgent(),
      );
      expect(struck, describeOutcome(outcome)).toBe(true);
      expect(outcome.code, describeOutcome(outcome)).not.toBe(0);
      expectEnd(outcome, outcome.code ?? 0, 'etcd1', 'next:');
      expect(outcome.tookMs).toBeLessThan(75_000);
      cluster.nodes[1]!.resumeAgent();
      await expectWhole(cluster, await cluster.bootstrap());
    },
  );
});

test('etcd outlives its agent: killed and started again, the agent adopts the same process and starts no second', async (context) => {
  const cluster = await clusterOf(context, { nodes: 1 });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());
  const node = cluster.nodes[0]!;
  const pid = node.etcdPid()!;
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await node.endAgent(signal);
    expect(node.etcdPids(), `after ${signal} of the agent`).toEqual([pid]);
    expect((await cluster.coordinator(['health'])).code).toBe(0);
    await node.startAgent();
    await waitFor('the agent to adopt etcd', async () => {
      const { stdout } = await cluster.coordinator(['status', '-o', 'json']);
      return stdout.includes('"state": "active');
    });
    expect(node.etcdPids()).toEqual([pid]);
  }
  // And it is not only remembered: when it ends, the agent that adopted it starts it again.
  await killAndWait(pid);
  await waitFor('a new etcd', () => node.etcdPid() !== undefined && node.etcdPid() !== pid);
  await waitFor('health', async () => (await cluster.coordinator(['health'])).code === 0);
});

test('an etcd that ended together with its agent, as in a power cut, runs again once the agent is back', async (context) => {
  const cluster = await clusterOf(context, { nodes: 1 });
  await cluster.prepare();
  await expectWhole(cluster, await cluster.bootstrap());
  const node = cluster.nodes[0]!;
  const pid = node.etcdPid()!;
  await node.endAgent();
  await killAndWait(pid);
  await node.startAgent();
  await waitFor('health', async () => (await cluster.coordinator(['health'])).code === 0);
  expect(node.etcdPids()).toEqual([node.etcdPid()]);
});
