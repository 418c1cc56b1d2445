/** Lost quorum, as an operator meets it: what `coordinator recover` says and does where a majority is killed, wiped, or away. */
import { beforeAll, expect, test } from 'vitest';
import { describeOutcome, type EtcdVersion, type Outcome, waitFor } from '../../support/index.js';
import { etcdctl } from './etcd-access.js';
import { powerOff, wipe } from './faults.js';
import { HealingWorld } from './healing-world.js';
import { restorePhases } from './restore-rows.js';
import { Writer, type Written } from './writer.js';

/** The parts of `recover -o json` that are looked at. */
interface RecoverView {
  readonly outcome: string;
  readonly survivors: readonly { readonly node: string; readonly etcd: string; readonly committed: string }[];
  readonly start?: readonly { readonly node: string; readonly commands: readonly string[] }[];
  readonly missing?: readonly string[];
  readonly losses?: { readonly kept: { readonly before?: string } };
}

/** What the coordinator says when it begins each part of a recovery that comes before the restore. */
const beforeHold = ['Save what ', 'Send what is saved to '];

/** A repair of a node that was given up, which comes back after all. */
const rejoinMsMax = 60_000;

/** Five etcds with their agents, two kills and a resumption, on two cores that do other things as well. */
const wipedMsMax = 300_000;

/** All rows, or only that of a majority wiped, which is told of each version and size. */
export function tellRecoverRows(version: EtcdVersion, count: number, rows: 'all' | 'wiped'): void {
  let world: HealingWorld;
  const majority = Math.floor(count / 2) + 1;
  const recover = (...more: string[]) =>
    world.cluster.coordinator(['recover', ...more], { timeoutMs: 120_000 });
  const confirmed = ['--yes', '--confirm', 'test'];
  const view = ({ stdout }: Outcome) => JSON.parse(stdout) as RecoverView;
  const noQuorum = () => waitFor('no quorum', async () => (await world.list()) === undefined, 30_000);

  beforeAll(async () => {
    world = await HealingWorld.start({ version, nodes: count });
    return () => world.close();
  });

  test(
    'a majority wiped under a client that writes: one survivor goes on, and what is lost is no more than was said',
    async () => {
      const writer = await Writer.start(world.cluster, 'last/');
      await waitFor('writes', () => writer.count > 50, 60_000);
      const former = world.cluster.record()!.clusterId;
      const [lost, survivors] = [world.nodes.slice(0, majority), world.nodes.slice(majority)];
      // Their agents have written down a read that went through them, to be known after a power cut.
      await waitFor(
        'remembered reads',
        () => survivors.every((node) => node.read('agent', 'positions.json')?.includes('served')),
        60_000,
      );
      // The others go on without the survivors: what they acknowledge then is what is lost.
      await Promise.all(survivors.map(powerOff));
      const shared = writer.count;
      await waitFor('writes without the survivors', () => writer.count > shared + 30, 60_000);
      await Promise.all(lost.map((node) => wipe(node, 'killed')));
      await Promise.all(survivors.map((node) => node.startAgent()));
      await noQuorum();
      await Promise.all(
        survivors.map((node) => waitFor(`etcd of ${node.name}`, () => node.etcdPid() !== undefined, 30_000)),
      );
      const written = await writer.stop();
      const shown = await recover('--dry-run', '-o', 'json');
      expect(shown.code, describeOutcome(shown)).toBe(0);
      const told = view(shown);
      expect(told.outcome).toBe('recover');
      expect(told.survivors).toHaveLength(count - majority);

      // Killed at every step: before the agents are held it begins anew, from then on --resume goes on.
      let underWay = false;
      for (const phase of rows === 'all' ? [...beforeHold, ...restorePhases] : ['Stop etcd', 'Start etcd']) {
        const args = underWay ? ['--resume'] : confirmed;
        underWay = !beforeHold.includes(phase);
        const running = world.cluster.startCoordinator(['recover', ...args], { timeoutMs: 120_000 });
        const early = running.ended.then((outcome) => {
          throw new Error(`it ended before it came to "${phase}": ${describeOutcome(outcome)}`);
        });
        const reached = waitFor(phase, () => running.stderr().includes(phase), 120_000, 20);
        await Promise.race([reached, early]);
        running.kill('SIGKILL');
        await running.ended;
        if (phase !== 'Start etcd') continue;
        const refused = await recover(...confirmed);
        expect(refused.code, describeOutcome(refused)).not.toBe(0);
        expect(refused.stderr).toContain('coordinator recover --resume');
      }
      const resumed = await recover('--resume');
      expect(resumed.code, describeOutcome(resumed)).toBe(0);
      await world.whole(30_000);
      expect(world.cluster.record()!.clusterId).not.toBe(former);
      await expectBounded(written, told);
    },
    wipedMsMax,
  );

  if (rows === 'wiped') return;

  test('a cluster that serves is not recovered', async () => {
    const outcome = await recover(...confirmed);
    expect(outcome.code, describeOutcome(outcome)).toBe(6);
    expect(outcome.stderr).toContain('still has a quorum');
  });

  test('a majority killed with its data intact: they are to be started, and nothing else is offered', async () => {
    const killed = world.nodes.slice(0, majority);
    await Promise.all(killed.map(powerOff));
    await Promise.all(
      killed.map((node) => {
        // Their etcd ends at once, however often it is started.
        node.configure({ etcdBinary: '/bin/false' });
        return node.startAgent();
      }),
    );
    await noQuorum();
    const outcome = await recover(...confirmed, '-o', 'json');
    expect(outcome.code, describeOutcome(outcome)).toBe(6);
    const told = view(outcome);
    expect(told.outcome).toBe('start');
    expect(told.survivors).toHaveLength(count);
    for (const { name } of killed)
      expect(told.start?.find(({ node }) => node === name)?.commands).toEqual([
        `coordinator explain ${name}`,
      ]);
    await Promise.all(
      killed.map(async (node) => {
        await powerOff(node);
        node.configure({});
        await node.startAgent();
      }),
    );
    await world.whole(60_000);
  });

  test('a node that was given up and comes back is fenced, and joins again with what the others have', async () => {
    const away = world.nodes[count - 1]!;
    const wiped = world.nodes.slice(0, majority - 1);
    const former = await world.memberId(away);
    await powerOff(away);
    await Promise.all(wiped.map((node) => wipe(node, 'killed')));
    await noQuorum();
    const refused = await recover(...confirmed, '-o', 'json');
    expect(refused.code, describeOutcome(refused)).toBe(6);
    expect(view(refused)).toMatchObject({ outcome: 'silent', missing: [away.name] });
    const outcome = await recover(...confirmed, '--give-up', away.name);
    expect([0, 3], describeOutcome(outcome)).toContain(outcome.code);
    const others = world.nodes.filter((node) => node !== away);
    await world.whole(30_000, others);
    await away.startAgent();
    await world.cluster.must(['recover', '--resume']);
    await world.whole(rejoinMsMax);
    expect(await world.memberId(away)).not.toBe(former);
  });

  /** Nothing is lost that was acknowledged before the moment that was told. */
  async function expectBounded(written: Written, told: RecoverView): Promise<void> {
    const listed = await etcdctl(world.cluster, world.nodes[0]!, ['get', 'last/', '--prefix', '--keys-only']);
    const there = new Set(listed.split('\n'));
    const before = told.losses?.kept.before;
    expect(before, JSON.stringify(told)).toBeDefined();
    const lostAt = written.acknowledged.flatMap((key, at) =>
      there.has(key) ? [] : [written.acknowledgedAtMs[at]!],
    );
    expect(lostAt.length, 'writes that were lost').toBeGreaterThan(20);
    for (const at of lostAt) expect(at).toBeGreaterThanOrEqual(Date.parse(before!));
  }
}
