/**
 * Free ports on loopback, below the range from which the kernel takes those for outgoing connections: one of that range
 * could be taken between the look and the use.
 */
import { randomInt } from 'node:crypto';
import { probeListen } from '@etcd-agent/platform';

/** Test files that run at the same time have ports of their own, and so has what runs beside them. */
const portsOfWorker = 2_500;
const from = Number(process.env.ETCD_AGENT_TEST_PORTS ?? 10_000);
const lowest = from + portsOfWorker * ((Number(process.env.VITEST_POOL_ID ?? 1) - 1) % 4);
const highest = lowest + portsOfWorker - 1;
const given = new Set<number>();

/** `count` ports that are free now and that were not given to a test of this process before. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let tries = 0; found.length < count; tries += 1) {
    if (tries > 2_000) throw new Error(`no ${count} free ports between ${lowest} and ${highest}`);
    const port = randomInt(lowest, highest);
    if (given.has(port) || (await probeListen('127.0.0.1', port)).kind !== 'free') continue;
    given.add(port);
    found.push(port);
  }
  return found;
}
