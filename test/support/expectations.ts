/** What several test files say of an outcome or a cluster, with everything a person needs to see when it does not hold. */
import { expect } from 'vitest';
import { describeOutcome, type Outcome } from './programs.js';
import type { RecordView, TestCluster } from './test-cluster.js';
import { waitFor } from './wait.js';

/** The exit code, and on stderr every one of `words`. */
export function expectEnd(outcome: Outcome, code: number, ...words: (string | RegExp)[]): void {
  expect(outcome.code, describeOutcome(outcome)).toBe(code);
  for (const word of words) {
    if (typeof word === 'string') expect(outcome.stderr).toContain(word);
    else expect(outcome.stderr).toMatch(word);
  }
}

/**
 * The cluster is whole and it is the one that was recorded: the bootstrap has ended with 0, every member is healthy under
 * the expected id, every node is on `existing`, and exactly one etcd runs on every data dir. Returns the record.
 */
export async function expectWhole(cluster: TestCluster, outcome: Outcome): Promise<RecordView> {
  expectEnd(outcome, 0);
  const record = cluster.record()!;
  expect(record.completedAt, 'the record says that the bootstrap is complete').toBeDefined();
  const { stdout } = await cluster.must(['status', '-o', 'json']);
  const status = JSON.parse(stdout) as {
    cluster: { id: string };
    members: { name: string; id: string; health: string }[];
  };
  expect(status.cluster.id).toBe(record.clusterId);
  const members = status.members.map(({ name, id, health }) => `${name} ${id} ${health}`);
  const expected = record.members.map(({ name, memberId }) => `${name} ${memberId} healthy`);
  expect(members.sort()).toEqual(expected.sort());
  for (const node of cluster.nodes) {
    expect(node.confValue('ETCD_INITIAL_CLUSTER_STATE'), `etcd.conf of ${node.name}`).toBe('existing');
    // It may serve a moment before its agent has written down which process it is.
    await waitFor(`the etcd of ${node.name} to be on record`, () => node.etcdPid() !== undefined);
    expect(node.etcdPids(), `etcd processes on the data dir of ${node.name}`).toEqual([node.etcdPid()]);
  }
  return record;
}
