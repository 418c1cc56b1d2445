/** What a person does by hand to replace a member, with etcdctl and a shell, while this node's agent is stopped. */
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { killAndWait, startProgram, type TestNode, waitFor } from '../../support/index.js';
import { changeMembers } from './etcd-access.js';
import type { HealingWorld } from './healing-world.js';

/**
 * Ends etcd, moves the data away, removes whatever entries this node has, adds one, starts etcd until it is healthy, and
 * ends it again, for the agent to take over. Returns the new member's id.
 */
export async function replaceByHand(world: HealingWorld, node: TestNode): Promise<string> {
  const { cluster } = world;
  const others = world.nodes.filter((each) => each !== node);
  await Promise.all(node.etcdPids().map(killAndWait));
  if (existsSync(node.dataDir)) renameSync(node.dataDir, join(node.dir, `moved-by-hand-${Date.now()}`));
  const own = async () =>
    (await world.list(others))!.filter(({ peerURLs }) => peerURLs.includes(node.peerURL));
  for (const { id } of await own()) await changeMembers(cluster, others[0]!, 'remove', id);
  await changeMembers(cluster, others[0]!, 'add', node.name, `--peer-urls=${node.peerURL}`);
  const members = (await world.list(others))!;
  const initialCluster = members.map(({ name, peerURLs }) => `${name || node.name}=${peerURLs[0]}`);
  const env = {
    ...variablesIn(join(node.confDir, 'etcd.conf')),
    ETCD_INITIAL_CLUSTER: initialCluster.join(','),
    ETCD_INITIAL_CLUSTER_STATE: 'existing',
  };
  const running = startProgram(cluster.binaries.etcd, [], { env });
  await world.orTold(
    waitFor('the member started by hand', async () => (await world.list([node])) !== undefined, 30_000),
  );
  const id = await world.memberId(node);
  await killAndWait(running.pid);
  return id;
}

/** `NAME="value"` lines. */
function variablesIn(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').matchAll(/^(\w+)="(.*)"$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]));
}
