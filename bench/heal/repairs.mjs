// One fault on one fresh cluster, on the floor and on ours: from the kill to three healthy voters.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FloorCluster } from './floor-cluster.mjs';
import { OurCluster } from './our-cluster.mjs';
import { steadyWrites } from './steady-writes.mjs';
import { untilAllHealthy, untilHealthy } from './watching.mjs';

/** Longest that a cluster may take to come up, or to heal. */
const stepMsMax = 180_000;
/**
 * Before a fault: etcd adds a member only to voters that have been connected for 5 s, and an agent that has just started
 * watches for 5 s. Both sides wait for it.
 */
const calmMs = 6_000;
/** The client goes on writing for so long after the repair. */
const afterMs = 500;

/** The steps of a repair and the events by which an agent tells of them. */
const steps = [
  ['evidence', 'decided', 'beginRepair'],
  ['removed', 'done', 'removeMember'],
  ['added', 'done', 'addMember'],
  ['started', 'done', 'startJoin'],
  ['promoted', 'done', 'promote'],
];

/** `fault`: { role: leader or follower, wipe }. Returns milliseconds to health, the longest write stall, and when which step was done. */
export async function repairOnFloor(model, { dir, etcd, learners, fault, fill }) {
  const cluster = await FloorCluster.make(model, { dir, etcd });
  try {
    cluster.start();
    return await measure(cluster, fault, fill, async ({ index, formerId, began }) => {
      const atMs = {};
      const note = (step) => {
        atMs[step] = performance.now() - began;
      };
      if (fault.wipe) await cluster.repair(index, formerId, { learners, ms: stepMsMax, note });
      else await cluster.restart(index);
      return () => atMs;
    });
  } finally {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function repairByAgents({ dir, etcd, timing, fault, fill, keep }) {
  const cluster = await OurCluster.start({ dir, etcd, timing });
  try {
    return await measure(cluster, fault, fill, async ({ index, faultAt }) => () => {
      const events = cluster.eventsSince(index, faultAt);
      const found = steps.flatMap(([name, kind, step]) => {
        const event = events.find((each) => each.kind === kind && each.message.split(':')[0] === step);
        return event === undefined ? [] : [[name, event.atMs]];
      });
      return Object.fromEntries(found);
    });
  } finally {
    await cluster.stop();
    if (!keep) rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(cluster, fault, fill, repair) {
  const { endpoints } = cluster;
  await untilAllHealthy(endpoints, stepMsMax);
  const filled = fill === undefined ? undefined : await fill(endpoints);
  await sleep(calmMs);
  const { leader, ids } = await untilAllHealthy(endpoints, stepMsMax);
  const index = fault.role === 'leader' ? leader : (leader + 1) % endpoints.length;
  const writer = steadyWrites(endpoints);
  await sleep(calmMs / 4);
  const faultAt = Date.now();
  const began = performance.now();
  cluster.break(index, fault);
  const stepsOf = await repair({ index, formerId: ids[index], began, faultAt });
  const others = endpoints.filter((_, each) => each !== index);
  await untilHealthy(
    { victim: endpoints[index], others, formerId: fault.wipe ? ids[index] : undefined },
    stepMsMax,
  );
  const healMs = performance.now() - began;
  await sleep(afterMs);
  const { longestStallMs, acknowledged } = await writer.stop();
  return { healMs, longestStallMs, acknowledged, filled, atMs: stepsOf() };
}
