// One GiB of keys. More than the 100,000 entries after which etcd takes a snapshot and lets go of its log, so that a new member
// is sent a snapshot, as in a cluster that has lived.
const valueBytes = 10 * 1024;
const count = Math.ceil(1024 ** 3 / valueBytes);
const writers = 48;
const writeMsMax = 30_000;

export async function fillOneGiB(endpoints) {
  const value = Buffer.alloc(valueBytes, 'etcd');
  let next = 0;
  const began = performance.now();
  const write = async (_, index) => {
    while (next < count) {
      const key = `gib/${next++}`;
      await endpoints[index % endpoints.length].put(key, value, writeMsMax);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const { dbBytes } = await endpoints[0].status();
  process.stderr.write(
    `filled with ${count} values of ${valueBytes} bytes in ${((performance.now() - began) / 1000).toFixed(0)} s: db ${(dbBytes / 1e9).toFixed(2)} GB\n`,
  );
  return { dbBytes };
}
