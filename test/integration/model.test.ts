/**
 * Whether the simulated etcd has the rules of the real one: the same steps on both must show the same. First steps that
 * were chosen because a repair stands on them, then some that nobody chose.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type BareEtcd as Bare,
  BareEtcd,
  barePapers,
  type EtcdVersion,
  etcdVersions,
  sleep,
  workspace,
} from '../support/index.js';
import { describeStep, type MembershipWorld, type Step, StepRunner } from '../worlds/membership-steps.js';
import { SimChance } from '../worlds/simulated/chance.js';
import { ModelCluster } from '../worlds/simulated/etcd-cluster.js';

const first = ['n0', 'n1', 'n2'];
const spares = ['s0', 's1'];

/** Longer than etcd demands of a connection before it counts. */
const settledMs = 6_500;

/** By when every member that runs has applied what one of them has. */
const appliedMs = 500;

/** By when there is a leader again, should it have been the leader that was killed. */
const electionMs = 3_500;

/** By when a member that was removed has ended, in milliseconds. */
const removalMs = 2_500;

/** The situations of a repair. `role`: what this version adds. */
function chosenSteps(role: 'learner' | 'voter'): Step[] {
  const through = 'n0';
  return [
    { kind: 'add', through, node: 's0', role },
    { kind: 'remove', through, node: 's0' },
    { kind: 'remove', through, node: 'n1' },
    { kind: 'wait', ms: settledMs },
    { kind: 'add', through, node: 'n1', role },
    { kind: 'add', through, node: 's0', role },
    { kind: 'list', through: 'n1' },
    { kind: 'add', through, node: 's1', role },
    { kind: 'add', through, node: 's0', role },
    ...(role === 'learner' ? [{ kind: 'promote', through, node: 's0' } as const] : []),
    { kind: 'list', through: 'n1' },
    { kind: 'start', node: 's0' },
    { kind: 'promote', through: 'n1', node: 's0' },
    { kind: 'promote', through, node: 's1' },
    // Until s0 knows itself that it is no learner any more.
    { kind: 'wait', ms: appliedMs },
    { kind: 'list', through: 's0' },
    { kind: 'wipe', node: 's0' },
    { kind: 'start', node: 's0' },
    { kind: 'wait', ms: electionMs },
    { kind: 'add', through, node: 's1', role },
    { kind: 'remove', through, node: 's1' },
    { kind: 'remove', through, node: 's0' },
    { kind: 'wait', ms: electionMs },
    { kind: 'add', through, node: 's1', role },
    { kind: 'remove', through, node: 's1' },
    { kind: 'wipe', node: 'n2' },
    { kind: 'wait', ms: electionMs },
    { kind: 'remove', through, node: 'n1' },
    { kind: 'add', through, node: 's1', role },
    { kind: 'remove', through, node: 'n2' },
    { kind: 'list', through: 'n1' },
    { kind: 'wait', ms: removalMs },
    { kind: 'remove', through, node: 'n1' },
    { kind: 'wait', ms: removalMs },
    { kind: 'start', node: 'n1' },
    { kind: 'wipe', node: 'n1' },
    { kind: 'read', through },
    { kind: 'add', through, node: 'n2', role: 'voter' },
    { kind: 'read', through },
    { kind: 'start', node: 'n2' },
    { kind: 'read', through },
    { kind: 'list', through: 'n2' },
  ];
}

/** Steps that nobody chose. What they show in the model decides how they go on, so that most of them can be carried out. */
async function randomSteps(version: EtcdVersion, seed: string, count: number): Promise<[Step, string][]> {
  const chance = new SimChance(seed);
  const runner = new StepRunner(simulated(version, seed));
  const nodes = [...first, ...spares];
  const running = new Set(first);
  const shown: [Step, string][] = [];
  const run = async (step: Step) => {
    const result = await runner.run(step);
    shown.push([step, result]);
    return result;
  };
  await runner.bootstrap(first);
  for (let waits = 0; shown.length < count; ) {
    // Often the one that has run for longest, which is most likely to be a member; nothing is done to who is asked, so that
    // there is somebody to ask the next time.
    const asked = [...running];
    const through = chance.happens(0.3) ? asked[0]! : chance.pick(asked);
    const node = chance.pick(nodes.filter((each) => each !== through));
    const learners = version !== '3.3.25';
    const draw = chance.int(0, 9);
    if (draw <= 1 && waits < 2) {
      waits += 1;
      await run({ kind: 'wait', ms: settledMs });
    } else if (draw <= 3) {
      const role = learners && chance.happens(0.6) ? 'learner' : 'voter';
      if ((await run({ kind: 'add', through, node, role })) === 'ok')
        await run({ kind: 'wait', ms: appliedMs });
    } else if (draw === 4) {
      if ((await run({ kind: 'remove', through, node })) !== 'ok') continue;
      // By when one that runs has learnt it, and there is another leader should it have been that.
      await run({ kind: 'wait', ms: electionMs });
      await run({ kind: 'kill', node });
      running.delete(node);
    } else if (draw === 5 && learners && (running.has(node) || spares.includes(node))) {
      if ((await run({ kind: 'promote', through, node })) === 'ok')
        await run({ kind: 'wait', ms: appliedMs });
    } else if (draw <= 7 && !running.has(node)) {
      if ((await run({ kind: 'start', node })) === 'serving') running.add(node);
      else await run({ kind: 'kill', node });
    } else if (draw === 8 && running.size > 2 && running.has(node)) {
      await run({ kind: chance.happens(0.5) ? 'kill' : 'wipe', node });
      running.delete(node);
      await run({ kind: 'wait', ms: electionMs });
    } else if (draw === 9) {
      await run({ kind: 'list', through });
    }
  }
  return shown;
}

describe.concurrent.each(etcdVersions)('etcd %s and its model', (version) => {
  const role = version === '3.3.25' ? 'voter' : 'learner';

  test('show the same in the situations of a repair', async () => {
    const steps = chosenSteps(role);
    await compare(version, 'chosen', await inModel(version, steps));
  }, 120_000);

  test('show the same whatever is done to the membership', async () => {
    const seed = process.env.ETCD_AGENT_TEST_SEED ?? `${version} 1`;
    await compare(version, seed, await randomSteps(version, seed, 30));
  }, 120_000);
});

async function inModel(version: EtcdVersion, steps: readonly Step[]): Promise<[Step, string][]> {
  const runner = new StepRunner(simulated(version, version));
  await runner.bootstrap(first);
  const shown: [Step, string][] = [];
  for (const step of steps) shown.push([step, await runner.run(step)]);
  return shown;
}

/** Carries the steps out on real etcd. An error tells everything that was shown, here and there. */
async function compare(
  version: EtcdVersion,
  name: string,
  expected: readonly [Step, string][],
): Promise<void> {
  const dir = workspace(`model-${name}`);
  const papers = await barePapers(join(dir, 'papers'));
  const etcds = new Map<string, Bare>();
  for (const node of [...first, ...spares])
    etcds.set(node, await BareEtcd.create(node, dir, version, papers));
  const runner = new StepRunner(real(etcds));
  try {
    await runner.bootstrap(first);
    const story: string[] = [];
    for (const [step, inTheModel] of expected) {
      const shown = await runner.run(step);
      story.push(
        `${describeStep(step)}: ${shown}${shown === inTheModel ? '' : `, in the model: ${inTheModel}`}`,
      );
    }
    const differences = story.filter((line) => line.includes(', in the model: '));
    expect(differences, `etcd ${version}, ${name}:\n${story.join('\n')}`).toEqual([]);
  } finally {
    for (const etcd of etcds.values()) {
      etcd.admin.close();
      await etcd.kill();
    }
  }
}

function real(etcds: ReadonlyMap<string, Bare>): MembershipWorld {
  const at = (node: string) => etcds.get(node)!;
  const bootstrap = first.map((name) => ({ name, peerURLs: [at(name).peerURL] }));
  return {
    admin: (node) => at(node).admin,
    peerURL: (node) => at(node).peerURL,
    start: (node, list) => at(node).start(list ?? bootstrap, list === undefined ? 'new' : 'existing'),
    kill: (node) => at(node).kill(),
    wipe: (node) => at(node).wipe(),
    ended: (node) => {
      const { exitCode, log } = at(node);
      return exitCode === null ? undefined : { code: exitCode, words: log };
    },
    wait: sleep,
    nowMs: () => performance.now(),
    settle: (promise) => promise,
  };
}

function simulated(version: EtcdVersion, seed: string): MembershipWorld {
  const cluster = new ModelCluster(seed, version, first.length);
  for (const node of spares) cluster.addNode(node);
  const at = (node: string) => cluster.members.find((member) => member.node === node)!;
  return {
    admin: (node) => at(node).admin,
    peerURL: (node) => at(node).conf.initialAdvertisePeerURLs[0]!,
    start: (node, list) =>
      at(node).start(
        list === undefined
          ? { initialClusterState: 'new' }
          : { initialClusterState: 'existing', initialCluster: list },
      ),
    kill: async (node) => at(node).kill(),
    wipe: async (node) => at(node).wipe(),
    ended: (node) => {
      const { cause, lastWords } = at(node).ended ?? {};
      return cause?.kind === 'exited' ? { code: cause.code, words: lastWords ?? '' } : undefined;
    },
    wait: (ms) => cluster.wait(ms),
    nowMs: () => cluster.clock.nowMs,
    settle: (promise) => cluster.call(promise),
  };
}
