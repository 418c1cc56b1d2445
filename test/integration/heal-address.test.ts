/** A host without the address that the cluster knows it by may be a clone: its agent starts nothing until the address is there. */
import { afterAll, expect, test } from 'vitest';
import {
  addLoopbackAddress,
  expectEnd,
  type LoopbackAddress,
  sleep,
  testCluster,
  waitFor,
} from '../support/index.js';
import { eventLines, newestEvent } from '../worlds/loopback/agent-record.js';
import { powerOff } from '../worlds/loopback/faults.js';

/** Of the block for measurements between networks: in use by nobody, and not loopback to those who ask. */
const address = '198.18.77.1';
/** A healthy node without peers starts its etcd within a second. */
const quietMs = 3_000;

let alias: LoopbackAddress | undefined;
afterAll(() => alias?.remove());

test('etcd is not started on a host without the address of its member, and is when the address is back', async (context) => {
  alias = addLoopbackAddress(address, (why) => context.skip(why));
  const cluster = await testCluster({ nodes: 1, address });
  const node = cluster.nodes[0]!;
  await cluster.prepare();
  expectEnd(await cluster.bootstrap(), 0);

  await powerOff(node);
  alias.remove();
  node.configure({ listen: `127.0.0.1:${node.ports.agent}` });
  const mark = newestEvent(node);
  await node.startAgent();
  const waits = `waiting wrongAddress ${node.peerURL} is no address of this host: it may be a clone, or its address has changed`;
  await waitFor('why it waits', () => eventLines(node, mark).includes(waits));
  await sleep(quietMs);
  expect(eventLines(node, mark).filter((line) => /^(decided|done) /.test(line))).toEqual([]);
  expect(node.etcdPids()).toEqual([]);

  alias.add();
  await waitFor('its start', () => eventLines(node, mark).includes('done startEtcd startEtcd'));
  await waitFor('a healthy member', async () => (await cluster.coordinator(['health'])).code === 0);
  await cluster.close();
});
