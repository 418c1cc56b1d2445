// Keys as a cluster of Kubernetes has them: some kinds, namespaces of forty, names with a random-looking end.
import { untilDone } from './watched-command.mjs';

const keysPerTransaction = 128;
const writers = 8;
const writeMsMax = 120_000;
const value = Buffer.alloc(100, 'v');

export const prefix = '/kubernetes.io';

/** Writes so many through these endpoints. */
export async function fillKeys(endpoints, count) {
  const began = performance.now();
  let next = 0;
  const write = async (_, index) => {
    while (next < count) {
      const from = next;
      next = Math.min(count, next + keysPerTransaction);
      const pairs = Array.from({ length: next - from }, (_, at) => [keyOf(from + at), value]);
      await untilDone(() => endpoints[index % endpoints.length].putAll(pairs, writeMsMax));
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  process.stderr.write(`${count} keys written in ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
}

function keyOf(at) {
  const kind = ['pods', 'secrets', 'events', 'configmaps'][at % 4];
  const namespace = Math.floor(at / 160);
  return `${prefix}/${kind}/namespace-${namespace}/object-${at}-${((at * 7919) % 1_000_003).toString(36)}`;
}
