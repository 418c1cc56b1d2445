/**
 * What operators do to the data of a cluster and to the room that it takes, all on one cluster of a version: list, get and
 * delete keys; the way out of NOSPACE; defragmentation in turn and its refusals; another quota.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectEtcd, type EtcdAdmin } from '@etcd-agent/etcd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  describeOutcome,
  type EtcdVersion,
  expectEnd,
  type Outcome,
  type TestCluster,
  testCluster,
  waitFor,
} from '../../support/index.js';
import { etcdCredentials, etcdctl } from './etcd-access.js';
import { Writer } from './writer.js';

const quotaBytes = 20 * 1024 * 1024;
const moreBytes = 64 * 1024 * 1024;

export function dataRoomRows(version: EtcdVersion): void {
  describe(`data and room of etcd ${version}`, () => {
    let cluster: TestCluster;
    let admin: EtcdAdmin;

    beforeAll(async () => {
      cluster = await testCluster({ version });
      const text = cluster
        .topologyText()
        .replace('electionTimeout: 1000', `electionTimeout: 1000, quotaBackendBytes: ${quotaBytes}`);
      cluster.writeTopology(text);
      await cluster.prepare();
      expectEnd(await cluster.bootstrap(), 0);
      const endpoint = cluster.nodes[0]!.clientURL;
      admin = await connectEtcd({ endpoint, ...(await etcdCredentials(cluster)), deadlineMs: 20_000 });
    });
    afterAll(async () => {
      admin?.close();
      await cluster?.close();
    });

    async function ends(args: readonly string[], code: number): Promise<Outcome> {
      const outcome = await cluster.coordinator(args);
      expect(outcome.code, `coordinator ${args.join(' ')} ${describeOutcome(outcome)}`).toBe(code);
      return outcome;
    }
    // biome-ignore lint/suspicious/noExplicitAny: documents of many kinds
    async function told(args: readonly string[], code = 0): Promise<any> {
      return JSON.parse((await ends([...args, '-o', 'json'], code)).stdout);
    }
    const etcdOf = (args: readonly string[]) => etcdctl(cluster, cluster.nodes[0]!, args);
    /** The steps of the newest operation of this kind, in order. */
    async function stepsOf(action: string): Promise<string[]> {
      const { operations } = await told(['audit', 'list']);
      const newest = operations.filter((each: { action: string }) => each.action === action).at(-1);
      const { operation } = await told(['audit', 'show', newest.id]);
      return operation.steps.map(({ step }: { step: string }) => step);
    }
    const roomOf = async () =>
      (await told(['quota'], 0)).members as {
        node: string;
        leads: boolean;
        quotaBytes: number;
        fileBytes: number;
      }[];

    test('keys are counted by their paths, listed and read as bytes, and those of the product are not among them', async () => {
      const names = Array.from(
        { length: 300 },
        (_, at) => `/kubernetes.io/${at % 3 === 0 ? 'pods' : 'secrets'}/ns/${at}`,
      );
      const others = ['/openshift.io/a', '/openshift.iox/b', '/keep/c', '/etcd-agent/mine', 'plain'];
      // A few at a time: on a busy machine three hundred at once would time each other out.
      const all = [...names, ...others];
      for (let at = 0; at < all.length; at += 20)
        await Promise.all(all.slice(at, at + 20).map((name) => admin.put(name, `value of ${name}`)));
      const { groups, total } = await told(['data', 'list']);
      expect(groups).toEqual([
        { group: '/keep/c', keys: 1 },
        { group: '/kubernetes.io/pods', keys: 100 },
        { group: '/kubernetes.io/secrets', keys: 200 },
        { group: '/openshift.io/a', keys: 1 },
        { group: '/openshift.iox/b', keys: 1 },
        { group: 'plain', keys: 1 },
      ]);
      expect(total).toBe(304);
      expect((await told(['data', 'list', '/kubernetes.io', '--depth', '1'])).groups).toEqual([
        { group: '/kubernetes.io', keys: 300 },
      ]);
      const lines = (await ends(['data', 'list', '/kubernetes.io', '--keys'], 0)).stdout
        .trimEnd()
        .split('\n');
      expect(lines).toEqual([...names].sort());
      expect((await ends(['data', 'get', '/keep/c'], 0)).stdout).toBe('value of /keep/c');
      expect(await told(['data', 'get', '/keep/c'])).toMatchObject({
        key: '/keep/c',
        version: '1',
        value: 'value of /keep/c',
      });
      await ends(['data', 'get', '/etcd-agent/mine'], 1);
    });

    test('a deletion is refused without the name of the cluster, for an empty prefix, and for keys of the product', async () => {
      await ends(['data', 'delete', '/keep', '--yes'], 2);
      await ends(['data', 'delete', '/keep'], 2);
      await ends(['data', 'delete', '/keep', '--yes', '--confirm', 'another'], 6);
      await ends(['data', 'delete', '', '--yes', '--confirm', 'test'], 2);
      await ends(['data', 'delete', '/etcd-agent', '/etcd-agent/lock', '--yes', '--confirm', 'test'], 2);
      expect((await told(['data', 'list', '/keep'])).total).toBe(1);
    });

    test('the preset deletes what the runbook deletes, after a snapshot that was tried, while others write', async () => {
      const snapshot = join(cluster.dir, 'before.snapshot.db');
      const writer = await Writer.start(cluster, '/others/');
      const done = await told([
        'data',
        'delete',
        '--preset',
        'openshift',
        '--snapshot',
        snapshot,
        '--yes',
        '--confirm',
        'test',
      ]);
      const written = await writer.stop();
      expect(done).toMatchObject({ outcome: 'deleted', deleted: 302, left: 0 });
      expect(existsSync(snapshot)).toBe(true);
      // One that took longer than a second is unknown: it may be there.
      const { total } = await told(['data', 'list', '/others']);
      expect(written.acknowledged.length).toBeGreaterThan(0);
      expect(total).toBeGreaterThanOrEqual(written.acknowledged.length);
      expect(total).toBeLessThanOrEqual(written.acknowledged.length + written.unknown);
      expect(written.unknown, JSON.stringify(written.refusals)).toBeLessThan(
        written.acknowledged.length / 4 + 2,
      );
      const left = await etcdOf(['get', '/', '--prefix', '--keys-only']);
      expect(left).toContain('/keep/c');
      expect(left).toContain('/etcd-agent/mine');
      expect(left).not.toMatch(/kubernetes|openshift/);
      // The keys are gone and the snapshot has them.
      expect(await stepsOf('data delete')).toEqual(['save a snapshot', 'restore it on trial', 'delete']);
      expect(
        (await ends(['data', 'delete', '--preset', 'openshift', '--yes', '--confirm', 'test'], 0)).stderr,
      ).toContain('nothing to delete');
    });

    test('from NOSPACE back to writes: what is said is done in order, and nothing is disarmed before', async () => {
      const value = 'x'.repeat(200 * 1024);
      await expect(
        (async () => {
          for (let at = 0; at < 200; at += 1) await admin.put('/big', `${at}${value}`);
        })(),
      ).rejects.toMatchObject({ kind: 'alarmed' });
      const listed = await ends(['alarm', 'list'], 3);
      expect(listed.stdout).toContain('NOSPACE');
      expect(listed.stderr).toMatch(
        /coordinator compact[\s\S]*coordinator defrag[\s\S]*coordinator alarm disarm NOSPACE/,
      );
      const refused = await ends(['alarm', 'disarm', 'NOSPACE'], 6);
      expect(refused.stderr).toContain('of its quota');
      await ends(['compact', '--yes'], 0);
      const before = await roomOfAlarmed();
      const { order } = await told(['defrag', '--dry-run']);
      expect(order.at(-1)).toBe(before.find(({ leads }) => leads)!.node);
      const { members } = await told(['defrag']);
      expect(members.map(({ node }: { node: string }) => node)).toEqual(order);
      for (const { beforeBytes, afterBytes } of members) expect(afterBytes).toBeLessThan(beforeBytes / 2);
      const steps = await stepsOf('defrag');
      expect(steps[0]).toBe(`defragment ${order[0]}`);
      expect(steps.at(-2)).toMatch(`hand the leadership of ${order[2]} over to`);
      expect(steps.at(-1)).toBe(`defragment ${order[2]}`);
      expect(await told(['alarm', 'disarm'])).toMatchObject({ outcome: 'disarmed', left: [] });
      await admin.put('/big', 'small');
      await ends(['alarm', 'list'], 0);
    });
    const roomOfAlarmed = async () =>
      (await told(['quota'], 3)).members as { node: string; leads: boolean }[];

    test('nobody is defragmented while a member is down', async () => {
      const node = cluster.nodes[2]!;
      await node.endAgent();
      await node.killEtcd();
      const refused = await ends(['defrag'], 6);
      expect(refused.stderr).toContain(`${node.name} is not healthy`);
      await ends(['quota', 'set', String(moreBytes), '--yes'], 6);
      await node.startAgent();
      await waitFor(
        'the member to be back',
        async () => (await cluster.coordinator(['health'])).code === 0,
        60_000,
        500,
      );
    });

    test('another quota is what every member runs with, restarted in turn under a client that writes', async () => {
      const leader = (await roomOf()).find(({ leads }) => leads)!.node;
      const pids = cluster.etcdPids();
      const writer = await Writer.start(cluster, '/quota/');
      await ends(['quota', 'set', '64MiB', '--yes'], 0);
      const written = await writer.stop();
      expect((await roomOf()).map((each) => each.quotaBytes)).toEqual([moreBytes, moreBytes, moreBytes]);
      const restarts = (await stepsOf('quota set')).filter((step) => step.startsWith('restart '));
      expect(restarts).toHaveLength(3);
      expect(restarts.at(-1)).toBe(`restart ${leader}`);
      const now = cluster.etcdPids();
      for (const { name } of cluster.nodes) expect(now[name]).not.toBe(pids[name]);
      expect((await told(['data', 'list', '/quota'])).total).toBeGreaterThanOrEqual(
        written.acknowledged.length,
      );
      // Again: everybody runs with it already.
      expect((await told(['quota', 'set', '64MiB', '--yes'])).restarted).toEqual([]);
      expect(cluster.etcdPids()).toEqual(now);
      await ends(['apply', '-f', cluster.topologyFile], 6);
    });

    test("with etcd's access control on, the operator's certificate is root's, and everything goes on", async () => {
      // etcd makes this role itself where it is needed, from 3.4 on.
      await etcdOf(['role', 'add', 'root']).catch(() => {});
      await etcdOf(['user', 'add', 'root:secret']);
      await etcdOf(['user', 'grant-role', 'root', 'root']);
      await etcdOf(['auth', 'enable']);
      expect((await told(['data', 'list', '/keep'])).total).toBe(1);
      const snapshot = join(cluster.dir, 'auth.snapshot.db');
      const sure = ['--snapshot', snapshot, '--yes', '--confirm', 'test'];
      expect(await told(['data', 'delete', '/keep', ...sure])).toMatchObject({
        outcome: 'deleted',
        deleted: 1,
      });
      await ends(['compact', '--yes'], 0);
      expect((await told(['defrag', 'etcd0'])).members).toHaveLength(1);
      // The restored cluster has access control as well.
      await ends(['restore', snapshot, '--yes', '--confirm', 'test'], 0);
      expect((await told(['data', 'list', '/keep'])).total).toBe(1);
      await etcdOf(['auth', 'disable']);
    });
  });
}
