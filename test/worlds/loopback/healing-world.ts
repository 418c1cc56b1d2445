/**
 * A bootstrapped cluster of real agents and real etcds, to break and to watch heal: whom a fault hits, how it must end, and
 * what must hold all the while. The faults themselves are in faults.ts.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectEtcd, type EtcdAdmin, EtcdError, type Member, type MemberStatus } from '@etcd-agent/etcd';
import { expect } from 'vitest';
import {
  describeOutcome,
  type EtcdVersion,
  sleep,
  type TestCluster,
  type TestNode,
  testCluster,
  waitFor,
} from '../../support/index.js';
import { eventLines, journalOf, newestEvent, quarantinesOn, repairsOf } from './agent-record.js';
import { etcdCredentials, etcdctl } from './etcd-access.js';
import { Writer, type Written } from './writer.js';

/** Short, so that a test does not wait; `hold: 0s` lets one node be repaired again and again. */
const impatient: Readonly<Record<string, string>> = {
  watch: '500ms',
  evidence: '500ms',
  hang: '3s',
  hangUptime: '3s',
  stopped: '3s',
  removed: '3s',
  orphan: '4s',
  replace: '3s',
  hold: '0s',
};

/** Between two looks at the member lists, and at whether all is whole: each takes CPU from what is looked at. */
const watchMs = 200;
const wholeMs = 250;
/** A command that asks an agent nobody reaches takes seconds. */
const explainedMsMax = 60_000;

export interface WorldOptions {
  readonly version?: EtcdVersion;
  readonly nodes?: number;
  /** Settings of the topology's `healing:` that differ from `impatient`. */
  readonly healing?: Readonly<Record<string, string>>;
}

export interface RoundEnd {
  /** Nodes whose member is replaced by it; without one, being whole is waited for, which is at once where nothing shows yet. */
  readonly repaired?: readonly TestNode[];
  readonly withinMs?: number;
}

export interface Round {
  readonly written: Written;
  /** From the fault until all was whole again. */
  readonly healedMs: number;
  /** What each node's agent has recorded since the fault, by node. */
  readonly events: Readonly<Record<string, readonly string[]>>;
}

export class HealingWorld {
  private rounds = 0;

  private constructor(
    readonly cluster: TestCluster,
    private readonly admins: ReadonlyMap<string, EtcdAdmin>,
  ) {}

  static async start(options: WorldOptions = {}): Promise<HealingWorld> {
    const { version, nodes, healing } = options;
    const policy = Object.entries({ ...impatient, ...healing }).map(([key, value]) => `${key}: ${value}`);
    const cluster = await testCluster({
      ...(version === undefined ? {} : { version }),
      ...(nodes === undefined ? {} : { nodes }),
      healing: `{ ${policy.join(', ')} }`,
    });
    await cluster.prepare();
    const outcome = await cluster.bootstrap();
    expect(outcome.code, describeOutcome(outcome)).toBe(0);
    const credentials = await etcdCredentials(cluster);
    const admins = new Map<string, EtcdAdmin>();
    for (const { name, clientURL } of cluster.nodes)
      admins.set(name, await connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs: 2_000 }));
    return new HealingWorld(cluster, admins);
  }

  get nodes(): readonly TestNode[] {
    return this.cluster.nodes;
  }

  /** A client of this node's etcd alone; it stays open. */
  admin(node: TestNode): EtcdAdmin {
    return this.admins.get(node.name)!;
  }

  /** What a member says of itself; undefined where it does not answer. */
  async status(node: TestNode): Promise<MemberStatus | undefined> {
    return orSilent(this.admin(node).status());
  }

  /** The node whose member leads now, waited for. */
  leader(): Promise<TestNode> {
    return waitFor('a leader', async () => {
      for (const node of this.nodes) {
        const status = await this.status(node);
        if (status !== undefined && status.leader === status.memberId) return node;
      }
      return undefined;
    });
  }

  /** Hands the leadership to this node, where another has it. */
  async makeLeader(node: TestNode): Promise<void> {
    const id = await this.memberId(node);
    await this.orTold(
      waitFor(`${node.name} to lead`, async () => {
        const leader = await this.leader();
        if (leader === node) return true;
        await orSilent(this.admin(leader).moveLeader(id as never));
        return false;
      }),
    );
  }

  /** The others, by name. */
  async followers(): Promise<TestNode[]> {
    const leader = await this.leader();
    return this.nodes.filter((node) => node !== leader);
  }

  memberId(node: TestNode): Promise<string> {
    return waitFor(`an answer of ${node.name}`, async () => (await this.status(node))?.memberId);
  }

  /** A linearizable list from the first of these nodes that gives one. */
  async list(nodes = this.nodes): Promise<readonly Member[] | undefined> {
    for (const node of nodes) {
      const listed = await orSilent(this.admin(node).memberList({ linearizable: true }));
      if (listed !== undefined) return listed;
    }
    return undefined;
  }

  /** Why the cluster is not whole: every node one started voter, all healthy, nothing under way; undefined: it is. */
  async unwhole(nodes = this.nodes): Promise<string | undefined> {
    const sights = await Promise.all(
      nodes.map(async (node) => ({
        node,
        status: await this.status(node),
        list: await this.list([node]),
      })),
    );
    for (const { node, status, list } of sights) {
      if (status === undefined || list === undefined)
        return `${node.name} serves no linearizable list: ${await this.whyNot(node)}`;
      const text = list.map(({ id, role, started }) => `${id} ${role} ${started}`).join(', ');
      if (list.length !== nodes.length) return `${node.name} lists ${list.length} members: ${text}`;
      if (list.some(({ role, started }) => role !== 'voter' || !started)) return `not all voters: ${text}`;
      const own = list.find(({ id }) => id === status.memberId);
      if (own === undefined || own.peerURLs.join() !== node.peerURL)
        return `${node.name} runs as ${status.memberId}, which is not its entry: ${text}`;
      const journal = journalOf(node);
      if (journal !== undefined) return `a repair of ${node.name} is under way: ${JSON.stringify(journal)}`;
      if (existsSync(join(node.runDir, 'may-start-empty'))) return `${node.name} has a permit`;
    }
    // It may serve a moment before its agent has written down which process it is.
    for (const node of nodes) {
      const [pids, recorded] = [node.etcdPids(), node.etcdPid()];
      if (pids.length !== 1 || pids[0] !== recorded)
        return `${node.name} has the etcds ${pids}, on record is ${recorded}`;
    }
    return undefined;
  }

  private async whyNot(node: TestNode): Promise<string> {
    const failure = await this.admin(node)
      .memberList({ linearizable: true })
      .then(
        () => 'it does now',
        (error: Error) => error.message,
      );
    return `${failure}; etcd ${node.etcdPids().join()}, agent ${node.agentRuns ? 'runs' : 'does not run'}`;
  }

  /** Waits until the cluster is whole; says what it looked like last where it is not in time. */
  async whole(timeoutMs: number, nodes = this.nodes): Promise<void> {
    let why: string | undefined = 'not looked at yet';
    try {
      await waitFor(
        'a whole cluster',
        async () => {
          why = await this.unwhole(nodes);
          return why === undefined;
        },
        timeoutMs,
        wholeMs,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${why}\n${this.told()}`);
    }
  }

  /** Waits until this agent waits for that now: what it said a minute ago it does not write down again. */
  async explains(node: TestNode, what: string): Promise<void> {
    let last = '';
    const says = waitFor(
      `${node.name} to explain that ${what}`,
      async () => {
        ({ stdout: last } = await this.cluster.coordinator(['explain', node.name]));
        return last.includes(what);
      },
      explainedMsMax,
    );
    await this.orTold(
      says.catch((error: Error) => {
        throw new Error(`${error.message}; last: ${last}`);
      }),
    );
  }

  /** What every agent has recorded last. */
  told(): string {
    return this.nodes.map((node) => `--- ${node.name}\n${eventLines(node).slice(-25).join('\n')}`).join('\n');
  }

  /** Adds to a failure what every agent has recorded. */
  async orTold<T>(awaited: Promise<T>): Promise<T> {
    try {
      return await awaited;
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.told()}`);
    }
  }

  /**
   * One round: a client writes, `fault` happens, and in time the cluster is whole again. All the while at most
   * one entry may be in flight and no node may have two; afterwards every acknowledged write is read back, from the
   * cluster and from each member's own store.
   */
  async round(fault: () => Promise<void>, ends: RoundEnd = {}): Promise<Round> {
    const { repaired = [], withinMs = 60_000 } = ends;
    this.rounds += 1;
    const writer = await Writer.start(this.cluster, `round-${this.rounds}/`);
    await waitFor('the first writes', () => writer.count > this.nodes.length, 60_000);
    const marks = new Map(this.nodes.map((node) => [node, newestEvent(node)]));
    const repairs = new Map(this.nodes.map((node) => [node, repairsOf(node).length]));
    const watch = watchMembers(this);
    try {
      await fault();
      const beganMs = performance.now();
      for (const node of repaired)
        await this.orTold(
          waitFor(
            `the end of a repair of ${node.name}`,
            () => repairsOf(node).length > repairs.get(node)!,
            withinMs,
            100,
          ),
        );
      await this.whole(withinMs);
      const healedMs = performance.now() - beganMs;
      const before = writer.count;
      const enough = before + 2 * this.nodes.length;
      await waitFor('writes after the healing', () => writer.count > enough, 60_000);
      const written = await writer.stop();
      expect(watch.stop(), 'what was wrong with the member list meanwhile').toEqual([]);
      await this.expectKept(written);
      const events = Object.fromEntries(
        this.nodes.map((node) => [node.name, eventLines(node, marks.get(node))]),
      );
      return { written, healedMs, events };
    } finally {
      watch.stop();
      await writer.stop();
    }
  }

  /** Every acknowledged write is there: by linearizable reads, and in each of these members' own store. */
  async expectKept({ acknowledged }: Written, nodes = this.nodes): Promise<void> {
    const prefix = acknowledged[0]?.split('/')[0];
    expect(prefix, 'some write was acknowledged').toBeDefined();
    const args = ['get', `${prefix}/`, '--prefix', '--keys-only'];
    for (const node of nodes) {
      // The linearizable read first: it makes the member wait until it has applied all that was acknowledged.
      for (const consistency of ['l', 's']) {
        const listed = await etcdctl(this.cluster, node, [...args, `--consistency=${consistency}`]);
        const there = new Set(listed.split('\n'));
        const lost = acknowledged.filter((key) => !there.has(key));
        expect(lost, `acknowledged writes that ${node.name} does not have (${consistency})`).toEqual([]);
      }
    }
  }

  /** The last repair of this node: of `oldId` by `rule`, and what was moved aside is still there. */
  expectRepaired(node: TestNode, rule: string | RegExp, oldId: string): void {
    const last = repairsOf(node).at(-1);
    const told = `repairs of ${node.name}: ${JSON.stringify(repairsOf(node))}\n${this.told()}`;
    expect(last?.oldMemberId, told).toBe(oldId);
    expect(last?.rule, told).toMatch(rule);
    for (const path of last!.quarantines) expect(existsSync(path), path).toBe(true);
    expect(quarantinesOn(node)).toEqual(expect.arrayContaining([...last!.quarantines]));
  }

  /** Where the last repair of this node moved its data to. */
  quarantinesOfLastRepair(node: TestNode): readonly string[] {
    return repairsOf(node).at(-1)?.quarantines ?? [];
  }

  close(): Promise<void> {
    for (const admin of this.admins.values()) admin.close();
    return this.cluster.close();
  }
}

/** Looks at every member's own list all the time; `stop` returns what was never to be seen. */
function watchMembers(world: HealingWorld): { stop(): readonly string[] } {
  const wrong = new Set<string>();
  let stopped = false;
  const look = async () => {
    while (!stopped) {
      for (const node of world.nodes) {
        const list = await orSilent(world.admin(node).memberList({ linearizable: false }));
        for (const each of list === undefined ? [] : problemsOf(list)) wrong.add(`${node.name}: ${each}`);
      }
      await sleep(watchMs);
    }
  };
  void look();
  return {
    stop() {
      stopped = true;
      return [...wrong];
    },
  };
}

function problemsOf(list: readonly Member[]): string[] {
  const flying = list.filter(({ started, role }) => !started || role === 'learner');
  const urls = list.flatMap(({ peerURLs }) => peerURLs);
  return [
    ...(flying.length > 1 ? [`${flying.length} entries in flight: ${JSON.stringify(flying)}`] : []),
    ...(new Set(urls).size < urls.length ? [`two entries of one node: ${JSON.stringify(list)}`] : []),
  ];
}

async function orSilent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof EtcdError) return undefined;
    throw error;
  }
}
