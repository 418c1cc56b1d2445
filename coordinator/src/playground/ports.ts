/**
 * Free ports on loopback, below the range from which the kernel takes ports for outgoing connections: one taken from that
 * range could be gone again before etcd listens on it.
 */
import { randomInt } from 'node:crypto';
import { probeListen } from '@etcd-agent/platform';
import { Failure } from '../failure.js';

const lowest = 20_000;
const highest = 32_000;
const triesMax = 2_000;

/** `count` different ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > triesMax) {
      throw new Failure({
        exit: 'failed',
        what: `no ${count} free ports between ${lowest} and ${highest} on 127.0.0.1`,
      });
    }
    const port = randomInt(lowest, highest);
    if ((await probeListen('127.0.0.1', port)).kind === 'free') found.add(port);
  }
  return [...found];
}
