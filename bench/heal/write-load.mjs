// What agents cost a cluster that works: the same bounded load of writes, as `etcdctl check perf` makes it, with the agents at
// work and with the agents standing still (SIGSTOP), in turns. Pairs of two windows without agents show how much two
// equal windows differ on this machine.
import { setTimeout as sleep } from 'node:timers/promises';
import { summary } from '../bootstrap/statistics.mjs';
import { OurCluster } from './our-cluster.mjs';
import { untilAllHealthy } from './watching.mjs';

/** `etcdctl check perf --load s` asks for 150 writes a second. */
const perSecond = 150;
const boundedMs = 10_000;
/** Then as many as go through, from so many writers. */
const writers = 16;
const fullMs = 4_000;
const settleMs = 3_000;
const writeMsMax = 5_000;
const value = 'x'.repeat(256);

/** `rounds` pairs of each kind. */
export async function measureLoad({ dir, etcd, timing, rounds }) {
  const cluster = await OurCluster.start({ dir, etcd, timing });
  try {
    await untilAllHealthy(cluster.endpoints, 60_000);
    await window(cluster, 'on');
    const pairs = { onOff: [], offOff: [] };
    for (let round = 1; round <= rounds; round += 1) {
      const order = round % 2 === 1 ? ['off', 'on'] : ['on', 'off'];
      const seen = {};
      for (const agents of order) seen[agents] = await window(cluster, agents);
      pairs.onOff.push(compare(seen.on, seen.off));
      pairs.offOff.push(compare(await window(cluster, 'off'), await window(cluster, 'off')));
      process.stderr.write(
        `write load: round ${round} of ${rounds}: p99 ${seen.off.p99Ms.toFixed(1)} ms off, ${seen.on.p99Ms.toFixed(1)} ms on; ` +
          `${seen.off.fullPerSecond.toFixed(0)}/s off, ${seen.on.fullPerSecond.toFixed(0)}/s on\n`,
      );
    }
    return {
      rounds,
      perSecond,
      boundedMs,
      writers,
      fullMs,
      onOff: summaries(pairs.onOff),
      offOff: summaries(pairs.offOff),
    };
  } finally {
    signalAll(cluster, 'SIGCONT');
    await cluster.stop();
  }
}

function compare(first, second) {
  return { first, second };
}

function summaries(pairs) {
  const of = (side, what) => summary(pairs.map((pair) => pair[side][what]));
  const ratio = (what) => summary(pairs.map(({ first, second }) => first[what] / second[what]));
  const names = ['p99Ms', 'boundedPerSecond', 'fullPerSecond'];
  return Object.fromEntries(
    names.map((name) => [name, { first: of('first', name), second: of('second', name), ratio: ratio(name) }]),
  );
}

async function window(cluster, agents) {
  signalAll(cluster, agents === 'on' ? 'SIGCONT' : 'SIGSTOP');
  await sleep(settleMs);
  const bounded = await boundedLoad(cluster.endpoints);
  return { ...bounded, fullPerSecond: await fullLoad(cluster.endpoints) };
}

/** Writes at fixed moments, whether the ones before have been confirmed or not. */
async function boundedLoad(endpoints) {
  const tookMs = [];
  const under = [];
  const began = performance.now();
  for (let count = 0; count < (perSecond * boundedMs) / 1000; count += 1) {
    const due = began + (count * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    const write = endpoints[count % endpoints.length].put(`load/${count % 1000}`, value, writeMsMax);
    under.push(write.then(() => tookMs.push(performance.now() - due)));
  }
  await Promise.all(under);
  const seconds = (performance.now() - began) / 1000;
  tookMs.sort((a, b) => a - b);
  return { p99Ms: tookMs[Math.floor(tookMs.length * 0.99)], boundedPerSecond: tookMs.length / seconds };
}

async function fullLoad(endpoints) {
  let count = 0;
  const began = performance.now();
  const write = async (_, index) => {
    while (performance.now() - began < fullMs) {
      await endpoints[index % endpoints.length].put(`full/${index}`, value, writeMsMax);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  return (count * 1000) / (performance.now() - began);
}

function signalAll({ agentPids }, name) {
  for (const pid of agentPids) process.kill(pid, name);
}
