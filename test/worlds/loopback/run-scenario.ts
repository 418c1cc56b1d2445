/** Scenarios of `test/scenarios` with real etcds and agents, one after the other on one cluster. */
import { expect } from 'vitest';
import type { Fault, FaultKind, Scenario, Target } from '../../scenarios/scenario.js';
import { freePorts, sleep, type TestNode } from '../../support/index.js';
import { changeMembers } from './etcd-access.js';
import { corruptWal, loseConf, truncateDb, wipe } from './faults.js';
import type { HealingWorld } from './healing-world.js';

/** From the first fault until everything that comes back by itself is back: a test has no minutes to wait. */
const faultsMsMax = 4_500;
/** After these a node is another member. */
const replacing: readonly FaultKind[] = [
  'wipe',
  'corruptWal',
  'truncateBolt',
  'removeMember',
  'replaceMember',
];

type Makers = {
  readonly [K in FaultKind]?: (
    node: TestNode,
    fault: Extract<Fault, { kind: K }>,
    world: HealingWorld,
  ) => Promise<unknown>;
};

/** The faults of this world, on one node. Each ends when what it does by itself later is done too. */
const makers: Makers = {
  kill: (node) => node.killEtcd(),
  wipe: (node, { etcd }) => wipe(node, etcd),
  corruptWal: (node) => corruptWal(node),
  truncateBolt: (node) => truncateDb(node),
  loseConf: (node) => loseConf(node),
  removeMember: async (node, _fault, world) => {
    const through = world.nodes.find((other) => other !== node)!;
    await changeMembers(world.cluster, through, 'remove', await world.memberId(node));
  },
  replaceMember: (node, _fault, { cluster }) =>
    cluster.must(['member', 'replace', node.name, '--yes', '--timeout', '60s']),
  addForNobody: async (node, _fault, { cluster }) => {
    const [port] = await freePorts(1);
    await changeMembers(cluster, node, 'add', 'nobody', `--peer-urls=https://127.0.0.1:${port}`);
  },
  killAgent: async (node, { forMs }) => {
    await node.endAgent();
    await sleep(forMs);
    await node.startAgent();
  },
};

/** Whether this world can make its faults, and sees its end, in the time of a test. */
export function isRunHere({ nodes, faults, ends }: Scenario): boolean {
  const isMade = ({ atMs, fault }: Scenario['faults'][number]) =>
    fault.kind in makers && atMs + ('forMs' in fault ? fault.forMs : 0) <= faultsMsMax;
  return nodes === 3 && ends.kind === 'healed' && faults.every(isMade);
}

/** Makes its faults while a client writes; in time all is whole again, and no acknowledged write is missing. */
export async function runScenario(world: HealingWorld, { faults, ends }: Scenario): Promise<void> {
  const leader = await world.leader();
  const [follower, secondFollower] = world.nodes.filter((node) => node !== leader) as [TestNode, TestNode];
  const roles = {
    leader: [leader],
    follower: [follower],
    secondFollower: [secondFollower],
    all: world.nodes,
  };
  const nodesOf = (fault: Fault): readonly TestNode[] => {
    const on: Target = 'on' in fault ? fault.on : 'leader';
    return on in roles ? roles[on as keyof typeof roles] : world.nodes.filter(({ name }) => name === on);
  };
  const replaced = new Set(
    faults.flatMap(({ fault }) => (replacing.includes(fault.kind) ? nodesOf(fault) : [])),
  );
  const ids = () => Promise.all(world.nodes.map((node) => world.memberId(node)));
  const before = await ids();
  await world.round(
    async () => {
      const startMs = performance.now();
      await Promise.all(
        faults.map(async ({ atMs, fault }) => {
          await sleep(Math.max(0, startMs + atMs - performance.now()));
          const make = makers[fault.kind] as (node: TestNode, fault: Fault, world: HealingWorld) => unknown;
          await Promise.all(nodesOf(fault).map((node) => make(node, fault, world)));
        }),
      );
    },
    { repaired: [...replaced], withinMs: ends.kind === 'healed' ? ends.withinMs : 0 },
  );
  const after = await ids();
  for (const [at, node] of world.nodes.entries())
    expect(after[at] !== before[at], `${node.name} is another member now`).toBe(replaced.has(node));
}
