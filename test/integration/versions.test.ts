/**
 * The main job on every etcd that is supported, looked at with that version's own etcdctl: from a topology to a healthy
 * cluster, what the nodes are left with, and what status says while the members go one by one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  describeOutcome,
  etcdVersions,
  killAndWait,
  type Outcome,
  type TestCluster,
  testCluster,
  usualVersion,
} from '../support/index.js';
import { thorough } from '../support/thorough.js';

describe.each(etcdVersions)('etcd %s', (version) => {
  let cluster: TestCluster;
  let bootstrapped: Outcome;

  beforeAll(async () => {
    cluster = await testCluster({ version, names: ['north', 'east', 'south'] });
    await cluster.prepare();
    bootstrapped = await cluster.bootstrap();
    return () => cluster.close();
  });

  test('one command ends with exit code 0 and three healthy members', () => {
    expect(bootstrapped.code, describeOutcome(bootstrapped)).toBe(0);
    expect(bootstrapped.stdout.match(/is healthy: successfully committed proposal/g)).toHaveLength(3);
  });

  test('etcdctl with the printed environment sees the members and ids that were recorded beforehand', async () => {
    const outcome = await cluster.etcdctl(['member', 'list']);
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    const listed = outcome.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(', ').slice(0, 5))
      // etcdctl prints an id without its leading zeros; ids are 16 digits everywhere else.
      .map(([id, ...rest]) => [id!.padStart(16, '0'), ...rest].join(' '))
      .sort();
    const expected = cluster.record()!.members.map(({ memberId, name, peerURLs }) => {
      return `${memberId} started ${name} ${peerURLs.join(',')} ${cluster.node(name).clientURL}`;
    });
    expect(listed).toEqual(expected.sort());
    expect(cluster.record()!.completedAt).toBeDefined();
  });

  test('the exports of env, given to a shell, are all that etcdctl needs', async () => {
    const { stdout } = await cluster.must(['env']);
    const names = stdout.match(/^export \w+/gm)?.map((text) => text.slice('export '.length));
    expect(names).toEqual([
      'ETCDCTL_API',
      'ETCDCTL_ENDPOINTS',
      'ETCDCTL_CACERT',
      'ETCDCTL_CERT',
      'ETCDCTL_KEY',
    ]);
    const put = await cluster.etcdctl(['put', 'greeting', 'hello'], [cluster.nodes[0]!]);
    expect(put.code, describeOutcome(put)).toBe(0);
    const get = await cluster.etcdctl(['get', 'greeting', '--print-value-only'], [cluster.nodes[2]!]);
    expect(get.stdout).toBe('hello\n');
  });

  test('health prints what etcdctl endpoint health prints, but for the times', async () => {
    const [ours, theirs] = await Promise.all([
      cluster.must(['health']),
      cluster.etcdctl(['endpoint', 'health']),
    ]);
    const lines = (text: string) =>
      text
        .split('\n')
        .filter((line) => line.includes('healthy'))
        .map((line) => line.replace(/took = [\d.]+(µs|ms|s)$/, 'took = TIME'))
        .sort();
    expect(lines(ours.stdout)).toHaveLength(3);
    // etcdctl prints them on stdout or on stderr, depending on its version.
    expect(lines(ours.stdout)).toEqual(lines(theirs.stdout + theirs.stderr));
  });

  test('every node is left with etcd.conf on existing, no permit, and its own member in its own data dir', () => {
    for (const node of cluster.nodes) {
      expect(node.confValue('ETCD_INITIAL_CLUSTER_STATE')).toBe('existing');
      expect(node.confValue('ETCD_NAME')).toBe(node.name);
      expect(node.confValue('ETCD_DATA_DIR')).toBe(node.dataDir);
      expect(existsSync(join(node.runDir, 'may-start-empty'))).toBe(false);
      expect(node.etcdPids()).toEqual([node.etcdPid()]);
    }
  });

  test('no private key of a node or of a CA is anywhere but where it was made', () => {
    const log = cluster.nodes.map((node) => node.agentLog()).join('');
    expect(log + bootstrapped.stdout + bootstrapped.stderr).not.toContain('PRIVATE KEY');
    const audit = readFileSync(join(cluster.stateDir, 'audit.jsonl'), 'utf8');
    expect(audit).not.toContain('PRIVATE KEY');
  });

  test('status as JSON has everything that a script was promised', async () => {
    const { stdout } = await cluster.must(['status', '-o', 'json']);
    const status = JSON.parse(stdout) as Record<string, unknown>;
    const record = cluster.record()!;
    const string = expect.any(String);
    expect(status).toMatchObject({
      apiVersion: 'etcd-agent/v1',
      kind: 'Status',
      cluster: { name: 'test', id: record.clusterId },
      quorum: { voters: 3, healthy: 3, tolerates: 1 },
      members: cluster.nodes.map((node) => ({
        name: node.name,
        id: record.members.find(({ name }) => name === node.name)!.memberId,
        role: 'voter',
        health: 'healthy',
        version,
        peerURLs: [node.peerURL],
        clientURLs: [node.clientURL],
        dbSize: expect.any(Number),
        raftIndex: expect.stringMatching(/^\d+$/),
        raftTerm: expect.stringMatching(/^\d+$/),
      })),
      agents: cluster.nodes.map((node) => ({
        name: node.name,
        address: `127.0.0.1:${node.ports.agent}`,
        connected: true,
        state: string,
      })),
    });
    const { certificates, members, leader } = status as {
      leader: string;
      certificates: { node: string; name: string; notAfter: string }[];
      members: { id: string }[];
    };
    expect(members.map(({ id }) => id)).toContain(leader);
    for (const { name } of cluster.nodes) {
      const names = certificates.filter(({ node }) => node === name).map((each) => each.name);
      expect(names.sort()).toEqual(['agent', 'etcd', 'peer']);
    }
    for (const { notAfter } of certificates) expect(Date.parse(notAfter)).toBeGreaterThan(Date.now());
  });

  test('bootstrap again finds nothing to do: exit code 0, the same processes, the same generation', async () => {
    const before = { pids: cluster.etcdPids(), record: cluster.record(), conf: confs(cluster) };
    const again = await cluster.bootstrap();
    expect(again.code, describeOutcome(again)).toBe(0);
    expect({ pids: cluster.etcdPids(), record: cluster.record(), conf: confs(cluster) }).toEqual(before);
  });

  // Last: it takes the cluster apart.
  test.runIf(thorough || version === usualVersion)(
    'status and health end with 0, 3, 4 and 5 as agents and members go',
    async () => {
      const [first, second, third] = cluster.nodes;
      await ends({ status: 0, health: 0 });
      await first!.endAgent();
      await ends({ status: 3, health: 0 });
      await killAndWait(first!.etcdPid()!);
      await ends({ status: 3, health: 3 });
      await second!.endAgent();
      await killAndWait(second!.etcdPid()!);
      await ends({ status: 4, health: 4 });
      await third!.endAgent();
      await killAndWait(third!.etcdPid()!);
      await ends({ status: 5, health: 5 });
    },
  );

  /** Where the member that went was the leader, there is none until the election is over: not the first answer counts. */
  async function ends(expected: { status: number; health: number }): Promise<void> {
    const outcomes = async () => {
      const [status, health] = await Promise.all([
        cluster.coordinator(['status']),
        cluster.coordinator(['health']),
      ]);
      return { status: status.code, health: health.code };
    };
    let last = await outcomes();
    for (let tries = 1; tries < 4 && !isDeepStrictEqual(last, expected); tries += 1) last = await outcomes();
    expect(last).toEqual(expected);
  }
});

function confs(cluster: TestCluster): (string | undefined)[] {
  return cluster.nodes.map((node) => node.read('etc', 'etcd.conf'));
}
