// One GiB of keys. More than the 100,000 entries after which etcd takes a snapshot and lets go of its log, so that a new member
// is sent a snapshot, as in a cluster that has lived.
const valueBytes = 10 * 1024;
const count = Math.ceil(1024 ** 3 / valueBytes);
const writers = 48;
const writeMsMax = 30_000;

export function fillOneGiB(endpoints) {
  return fillPart(endpoints, 0, 1);
}

/** From one share of it up to another. */
export async function fillPart(endpoints, from, to) {
  const value = Buffer.alloc(valueBytes, 'etcd');
  const [first, end] = [Math.round(count * from), Math.round(count * to)];
  let next = first;
  const began = performance.now();
  const write = async (_, index) => {
    while (next < end) {
      const key = `gib/${next++}`;
      await endpoints[index % endpoints.length].put(key, value, writeMsMax);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const { dbBytes } = await endpoints[0].status();
  process.stderr.write(
    `filled with ${end - first} values of ${valueBytes} bytes in ${((performance.now() - began) / 1000).toFixed(0)} s: db ${(dbBytes / 1e9).toFixed(2)} GB\n`,
  );
  return { dbBytes };
}
