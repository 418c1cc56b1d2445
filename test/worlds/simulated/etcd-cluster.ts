/** For tests of the model: a cluster of simulated etcds without agents, and a hand for each member. */
import type { EtcdAdmin, Member, MemberId } from '@etcd-agent/etcd';
import type { ExitCause } from '@etcd-agent/platform';
import { SimChance } from './chance.js';
import { SimClock } from './clock.js';
import type { EtcdDisk, LogEntry } from './etcd-disk.js';
import { type EtcdConf, EtcdModel, type EtcdProcess, type EtcdStart } from './etcd-model.js';
import { SimNetwork } from './network.js';

const callMs = 1_500;

export class ModelMember {
  process: EtcdProcess | undefined;
  ended: { readonly cause: ExitCause; readonly lastWords: string } | undefined;

  constructor(
    private readonly model: EtcdModel,
    readonly node: string,
    public conf: EtcdConf,
  ) {}

  get admin(): EtcdAdmin {
    return this.model.admin(this.node, this.conf.advertiseClientURLs[0]!, callMs);
  }

  get disk(): EtcdDisk | undefined {
    return this.model.disk(this.node);
  }

  start(conf: Partial<EtcdConf> = { initialClusterState: 'existing' }): void {
    this.conf = { ...this.conf, ...conf };
    this.ended = undefined;
    this.process = this.model.start(this.node, this.conf, {
      onEnd: (cause, lastWords) => {
        this.ended = { cause, lastWords };
      },
    });
  }

  kill(): void {
    this.process?.kill();
  }

  wipe(): void {
    this.kill();
    this.model.setDisk(this.node, undefined);
  }
}

export class ModelCluster {
  readonly clock = new SimClock();
  readonly chance: SimChance;
  readonly network: SimNetwork;
  readonly model: EtcdModel;
  readonly members: ModelMember[] = [];
  readonly starts: EtcdStart[] = [];
  /** Entries that were committed where others had been. */
  readonly lost: LogEntry[] = [];

  constructor(seed: string, version: string, size: number) {
    this.chance = new SimChance(seed);
    this.network = new SimNetwork(this.chance.stream('network'));
    const { clock, chance, network } = this;
    this.model = new EtcdModel({
      clock,
      chance,
      network,
      version,
      observer: {
        started: (start) => this.starts.push(start),
        committed: (_, instead) => {
          if (instead !== undefined) this.lost.push(instead);
        },
      },
    });
    const nodes = Array.from({ length: size }, (_, at) => `n${at}`);
    for (const node of nodes) this.members.push(new ModelMember(this.model, node, confOf(node, nodes)));
  }

  /** A cluster that has elected its leader and serves. */
  static async started(seed: string, version = '3.5.30', size = 3): Promise<ModelCluster> {
    const cluster = new ModelCluster(seed, version, size);
    for (const member of cluster.members) member.start({ initialClusterState: 'new' });
    await cluster.untilReady();
    return cluster;
  }

  /** A member that no conf knows yet. */
  addNode(node: string): ModelMember {
    const member = new ModelMember(this.model, node, confOf(node, [node]));
    this.members.push(member);
    return member;
  }

  async untilReady(members: readonly ModelMember[] = this.members): Promise<void> {
    const ready = () => members.every(({ process }) => process?.ready === true);
    if (!(await this.clock.runUntilDone(ready, this.clock.nowMs + 30_000)))
      throw new Error('the members are not ready within 30 s');
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.clock.runUntil(this.clock.nowMs + ms);
  }

  /** Lets time pass until the call is answered; rejects with its error. */
  async call<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    promise.then(done, done);
    await this.clock.runUntilDone(() => settled, this.clock.nowMs + 60_000);
    if (!settled) throw new Error('the call was never answered');
    return promise;
  }

  /** The kind of a call's failure, or 'ok'. */
  async kindOf(promise: Promise<unknown>): Promise<string> {
    return this.call(
      promise.then(
        () => 'ok',
        (error: { kind: string }) => error.kind,
      ),
    );
  }

  leader(): ModelMember {
    const leading = this.model.leadingNode();
    if (leading === undefined) throw new Error('nobody leads');
    return this.members.find(({ node }) => node === leading)!;
  }

  followers(): ModelMember[] {
    const leader = this.leader();
    return this.members.filter((member) => member !== leader && member.process?.running === true);
  }

  /** Adds `member` through `through`, as the reply tells, until it is accepted. */
  async add(through: ModelMember, member: ModelMember, role: Member['role']): Promise<MemberId> {
    for (let tries = 0; ; tries++) {
      try {
        const reply = await this.call(through.admin.memberAdd(member.conf.initialAdvertisePeerURLs, role));
        member.conf = { ...member.conf, initialCluster: clusterFrom(reply.members, member.node) };
        return reply.id;
      } catch (error) {
        if (tries > 60) throw error;
        await this.wait(500);
      }
    }
  }
}

/** `initial-cluster` from the reply of an add: what has not started has no name yet. */
function clusterFrom(members: readonly Member[], newcomer: string): EtcdConf['initialCluster'] {
  return members.map(({ name, peerURLs }) => ({ name: name === '' ? newcomer : name, peerURLs }));
}

function confOf(node: string, nodes: readonly string[]): EtcdConf {
  return {
    name: node,
    initialAdvertisePeerURLs: [peerURL(node)],
    advertiseClientURLs: [`https://${node}:2379`],
    initialCluster: nodes.map((name) => ({ name, peerURLs: [peerURL(name)] })),
    initialClusterToken: 'model',
    initialClusterState: 'new',
    heartbeatInterval: 100,
    electionTimeout: 1_000,
  };
}

function peerURL(node: string): string {
  return `https://${node}:2380`;
}
