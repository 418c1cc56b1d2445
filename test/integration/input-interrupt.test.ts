/** Ctrl-C at any moment: exit code 130, a word on what to do, and the same command run again ends as it should. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  clusterOf,
  describeOutcome,
  type Outcome,
  type Running,
  type TestCluster,
  testCluster,
} from '../support/index.js';

/** Presses Ctrl-C at the first line that matches; the outcome of a program that ended before tells so. */
async function interruptAt(running: Running, line: RegExp, afterMs = 0): Promise<Outcome> {
  let seen = false;
  running.onLine((text) => {
    if (seen || !line.test(text)) return;
    seen = true;
    setTimeout(() => running.kill('SIGINT'), afterMs);
  });
  const outcome = await running.ended;
  expect(seen, describeOutcome(outcome)).toBe(true);
  return outcome;
}

function expectInterrupted(outcome: Outcome): void {
  expect(outcome.code, describeOutcome(outcome)).toBe(130);
  expect(outcome.stdout).toBe('');
  expect(outcome.stderr).toMatch(/interrupted; run the same command again: it goes on from what is true\n$/);
}

describe('Ctrl-C during a bootstrap', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await testCluster();
    await cluster.prepare();
    return () => cluster.close();
  });

  const stages = ['Look at the nodes', 'Enrol', 'Check', 'Certify', 'Configure', 'Start etcd', 'Wait until'];
  /** A run that was cut off late may have left the next one nothing to do in a stage: then the stage after it counts. */
  const from = (stage: string) =>
    new RegExp(`^(${stages.slice(stages.indexOf(stage)).join('|')})(?!.*: done)`);

  // One after the other on the same cluster: each run goes on from where the one before was cut off.
  it.each([
    ['looking', 'Look at the nodes', 0],
    ['enrolling', 'Enrol', 5],
    ['enrolling, later', 'Enrol', 60],
    ['checking', 'Check', 20],
    ['certifying', 'Certify', 0],
    ['configuring', 'Configure', 0],
    ['starting', 'Start etcd', 0],
    ['waiting', 'Wait until', 0],
  ])('while %s leaves all as it was or further on', async (_when, stage, afterMs) => {
    const running = cluster.startCoordinator(['bootstrap', '--yes']);
    const outcome = await interruptAt(running, from(stage), afterMs);
    // In the last stage it may have been quicker than the fingers.
    if (stage === stages.at(-1) && outcome.code === 0) return;
    expectInterrupted(outcome);
  });

  it('is made good by one more run: a healthy cluster with the ids of the first record', async () => {
    const before = cluster.record();
    const outcome = await cluster.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    expect(outcome.stdout.match(/is healthy: successfully committed proposal/g)).toHaveLength(3);
    expect(cluster.record()).toMatchObject({
      bootstrapId: before!.bootstrapId,
      clusterId: before!.clusterId,
    });
    const status = await cluster.coordinator(['status', '-o', 'json']);
    expect(status.code, describeOutcome(status)).toBe(0);
  });
});

describe('Ctrl-C during a check', () => {
  it('lets go of the temporary listeners: the next check finds the ports free', async (context) => {
    const cluster = await clusterOf(context, { nodes: 2 });
    await cluster.prepare();
    const pressed = () => interruptAt(cluster.startCoordinator(['check']), /^Check \.\.\.$/, 30);
    let interrupted = await pressed();
    // It may have been quicker than the fingers, though not again and again.
    for (let again = 1; again <= 4 && interrupted.code === 0; again += 1) interrupted = await pressed();
    expectInterrupted(interrupted);
    const outcome = await cluster.coordinator(['check']);
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
  });
});

describe('Ctrl-C during an init', () => {
  it.each([0, 20, 60, 150])(
    '%d ms after it began leaves nothing that a second init cannot use',
    async (afterMs) => {
      const cluster = await testCluster({ nodes: 1 });
      const outcome = await interruptAt(
        cluster.startCoordinator(['init', '-f', cluster.topologyFile]),
        /^Make the CAs/,
        afterMs,
      );
      // It may have been quicker than the fingers.
      if (outcome.code === 0) return;
      expectInterrupted(outcome);
      expect(existsSync(join(cluster.stateDir, 'cluster.yaml'))).toBe(false);
      await cluster.must(['init', '-f', cluster.topologyFile]);
      expect(readdirSync(join(cluster.stateDir, 'ca'))).toHaveLength(6);
      await cluster.must(['token', 'etcd0']);
    },
  );
});

describe('Ctrl-C during a token', () => {
  it('never leaves a state that the next token cannot use', async () => {
    const cluster = await testCluster({ nodes: 1 });
    await cluster.must(['init', '-f', cluster.topologyFile]);
    const codes = new Set<number | null>();
    for (const afterMs of [50, 150, 250, 350]) {
      const running = cluster.startCoordinator(['token', 'etcd0']);
      setTimeout(() => running.kill('SIGINT'), afterMs);
      const { code, signal } = await running.ended;
      // Before the program can see the signal, the system ends it: a shell shows 130 for that too.
      codes.add(signal === 'SIGINT' ? 130 : code);
    }
    for (const code of codes) expect([0, 130]).toContain(code);
    expect(codes).toContain(130);
    expect((await cluster.must(['token', 'etcd0'])).stdout).toMatch(/^etcd-agent-join-v1\./);
  });
});
