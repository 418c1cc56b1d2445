/** Scenarios of `test/scenarios` on booted hosts, one after the other on one cluster. */
import type { Host } from '../../hosts/lab/host.js';
import { cut, mend } from '../../hosts/lab/partition.js';
import type { Fault, FaultKind, Scenario, Target } from '../../scenarios/scenario.js';
import { thorough } from '../../support/thorough.js';
import {
  copyDisk,
  killAgent,
  loseAddress,
  powerCut,
  regainAddress,
  reinstall,
  rollBack,
  silence,
  sleep,
  wipe,
} from './faults.js';
import type { HostsWorld } from './hosts-world.js';

/** After these a node is another member. */
const replacing: readonly FaultKind[] = ['wipe', 'rollBack', 'reinstall'];
/** A fault without one of these is made on loopback addresses just as well, and in less time. */
const ofHosts: readonly FaultKind[] = [
  'powerCut',
  'rollBack',
  'reinstall',
  'loseAddress',
  'silence',
  'partition',
];
/** Of a power cut at ten moments of a repair, all of which are simulated, one at which an agent of this world is in the middle of it. */
const midRepairMs = [3_500];

const toldElsewhere = [
  // `test/hosts/healing.test.ts` tells more of it.
  'a power cut of all hosts heals without a person',
  // There is one in which the others have not got the same.
  'all hosts lose power and one comes back with an older disk: nothing is lost',
  // There is one in which those that come back in between do not know better.
  'the last writes are on a disk that comes back older and on a host that comes back last: nothing is lost',
  // Of minutes, which are seconds here.
  'the last writes are on a disk that comes back older and, late, on a host that comes back after one that was away: nothing is lost',
];

/** `test/hosts/rounds.test.ts` makes the same faults, on five hosts. */
const toldLikewise = [
  'a host without power for a minute comes back by itself',
  'a host that comes back with an older disk joins again and loses no write',
  'a host that was installed anew takes the place of its former member',
  'a silent host is not removed and is back by itself',
  'a host that hears and is not heard is not repaired, and is well when the network is',
  'a host that loses power 3500 ms after the data is gone resumes its repair',
];

type Running = {
  readonly copies: Map<Host, string>;
  /** They see nothing of the others. */
  readonly silenced: Set<Host>;
  readonly hostsOf: (on: Target) => readonly Host[];
};
type Makers = {
  readonly [K in FaultKind]?: (
    host: Host,
    fault: Extract<Fault, { kind: K }>,
    world: HostsWorld,
    running: Running,
  ) => Promise<unknown>;
};

/** The faults of this world, on one host. Each ends when what it does by itself later is done too. */
const makers: Makers = {
  wipe: (host, { etcd }) => wipe(host, etcd),
  powerCut: (host, { forMs }) => powerCut(host, shortened(forMs)),
  loseAddress: (host, { forMs }) => loseAddress(host, shortened(forMs)),
  regainAddress: (host) => regainAddress(host),
  reinstall: (host, { forMs }, world) => reinstall(host, world, shortened(forMs)),
  copyDisk: async (host, _fault, world, { copies, silenced }) => {
    const others = world.hosts.filter((each) => each !== host && !silenced.has(each));
    copies.set(host, await copyDisk(host, world, others));
  },
  rollBack: (host, _fault, _world, { copies }) => rollBack(host, copies.get(host)!),
  silence: async (host, _fault, world, { silenced }) => {
    silenced.add(host);
    await silence(host, world);
  },
  killAgent: (host, { forMs }) => killAgent(host, forMs),
  partition: async (_host, { from, to, oneWay }, _world, { hostsOf }) => {
    const [here, there] = [from, to].map((side) => side.flatMap(hostsOf).map(({ name }) => name));
    await cut(here!, there!, { oneWay });
  },
  mendNetwork: async (_host, _fault, _world, { silenced }) => {
    await mend();
    silenced.clear();
  },
};

/** Whether this world can make its faults, and shows more by it than the loopback world. */
export function isRunHere({ name, faults, ends }: Scenario): boolean {
  const isRepair = faults.some(({ fault }) => fault.kind === 'wipe');
  const cutMs = faults.find(({ fault }) => fault.kind === 'powerCut')?.atMs;
  return (
    ends.kind === 'healed' &&
    !toldElsewhere.includes(name) &&
    (thorough || !toldLikewise.includes(name)) &&
    faults.every(({ fault }) => fault.kind in makers) &&
    faults.some(({ fault }) => ofHosts.includes(fault.kind)) &&
    !(isRepair && cutMs !== undefined && !midRepairMs.includes(cutMs))
  );
}

/** Makes its faults while the application writes; in time all is whole again, and no acknowledged write is missing. */
export async function runScenario(world: HostsWorld, { faults }: Scenario): Promise<void> {
  const leader = await world.leader();
  const [follower, secondFollower] = world.hosts.filter((host) => host !== leader);
  const roles = {
    leader: [leader],
    follower: [follower!],
    secondFollower: [secondFollower!],
    all: world.hosts,
  };
  const hostsOf = (on: Target) =>
    on in roles ? roles[on as keyof typeof roles] : world.hosts.filter(({ name }) => name === on);
  const hostsHit = (fault: Fault) => ('on' in fault ? hostsOf(fault.on) : [leader]);
  const hit = faults.flatMap(({ fault }) => (replacing.includes(fault.kind) ? hostsHit(fault) : []));
  const running: Running = { copies: new Map(), silenced: new Set(), hostsOf };
  await world.round(
    async () => {
      let startMs = performance.now();
      const made: Promise<unknown>[] = [];
      try {
        for (const { atMs, fault } of faults) {
          await sleep(Math.max(0, startMs + shortened(atMs) - performance.now()));
          const make = makers[fault.kind] as (
            host: Host,
            fault: Fault,
            world: HostsWorld,
            running: Running,
          ) => Promise<unknown>;
          const making = Promise.all(hostsHit(fault).map((host) => make(host, fault, world, running)));
          made.push(making);
          // What comes after a copy needs it, and its own time.
          const beganMs = performance.now();
          if (fault.kind === 'copyDisk') await making;
          startMs += performance.now() - beganMs;
        }
      } finally {
        await Promise.all(made);
      }
    },
    { replaced: hit },
  );
}

/** In this world people and power stations are quicker: policies are too, and a story must end. */
function shortened(ms: number): number {
  const keptMs = 5_000;
  return ms <= keptMs ? ms : keptMs + (ms - keptMs) / 20;
}
