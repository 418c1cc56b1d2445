/**
 * A whole simulated cluster: hosts with agents and etcds, bootstrapped by the agents' own code, and what can be seen of it
 * from outside. What hurts it is in sim-faults.ts; what must hold of it, in invariants.ts.
 */
import { bootstrapMemberId, clusterIdOf, type EtcdAdmin, type Member } from '@etcd-agent/etcd';
import { type HealingPolicy, healingPolicySchema, type MemberSpec } from '@etcd-agent/protocol';
import { type AgentCore, agentCore, type HealParts } from './agent-core.js';
import type { SimChance } from './chance.js';
import { SimClock } from './clock.js';
import { EtcdModel, type EtcdObserver } from './etcd-model.js';
import { SimNetwork } from './network.js';
import { SimCoordinator } from './sim-coordinator.js';
import { type AgentAction, SimHost } from './sim-host.js';
import { nodeAddress, nodeIdentities, nodeName } from './sim-identities.js';
import { SimLog } from './sim-log.js';
import type { ServiceFlavour } from './sim-services.js';

export interface ClusterOptions {
  readonly chance: SimChance;
  readonly nodes: 3 | 5;
  /** "3.4.23" */
  readonly version: string;
  readonly flavour: ServiceFlavour;
  readonly policy?: Partial<HealingPolicy>;
  readonly observer: EtcdObserver;
  readonly parts?: (core: AgentCore) => Partial<HealParts>;
  readonly onAction: (node: string, action: AgentAction) => void;
}

/** Where everybody's clients and the operator sit: on no host of the cluster, and reached by all. */
const outsideHost = 'operator';
const dataDir = '/var/lib/etcd/default.etcd';
const adminMs = 1_000;

export class SimCluster {
  readonly clock: SimClock;
  readonly network: SimNetwork;
  readonly log: SimLog;
  readonly etcd: EtcdModel;
  readonly hosts = new Map<string, SimHost>();
  readonly dataDir = dataDir;
  /** Peer URLs that a person is adding at this moment: the invariants are about what agents add. */
  readonly byHand = new Set<string>();

  readonly coordinator: SimCoordinator;
  readonly #nodes = new Map<string, string>();

  private constructor(
    readonly options: ClusterOptions,
    /** What the coordinator tells each node now. */
    readonly specs: Map<string, MemberSpec>,
  ) {
    const { chance, version } = options;
    this.clock = new SimClock();
    this.network = new SimNetwork(chance.stream('network'));
    this.log = new SimLog(this.clock);
    this.etcd = new EtcdModel({
      clock: this.clock,
      chance: chance.stream('etcd'),
      network: this.network,
      version,
      hostOf: (url) => this.nodeOf(url),
      observer: options.observer,
    });
    const [first] = specs.values();
    this.coordinator = new SimCoordinator(this, chance.stream('coordinator'), first!);
  }

  /** Bootstrapped and healthy, with an agent on every host. */
  static async start(options: ClusterOptions): Promise<SimCluster> {
    const core = await agentCore();
    const identities = await nodeIdentities();
    const cluster = new SimCluster(options, specsOf(options));
    for (const [index, [node, spec]] of [...cluster.specs].entries()) {
      const host = new SimHost({
        node,
        address: nodeAddress(index),
        core,
        clock: cluster.clock,
        chance: options.chance.stream(node),
        network: cluster.network,
        etcd: cluster.etcd,
        log: cluster.log,
        identity: identities.get(node)!,
        flavour: options.flavour,
        parts: { ...core.healParts, ...options.parts?.(core) },
        listening: (peer) => cluster.hosts.get(peer)?.listening() ?? 'refused',
        snapshot: (sha256) => cluster.coordinator.snapshot(sha256),
        onAction: options.onAction,
      });
      cluster.hosts.set(node, host);
      await cluster.settle(host.bootstrap(spec), 30_000);
    }
    for (const host of cluster.hosts.values()) host.startAgent();
    if (!(await cluster.becomesHealthy(60_000))) throw new Error('the cluster did not come up');
    return cluster;
  }

  get nodes(): readonly string[] {
    return [...this.specs.keys()];
  }

  host(node: string): SimHost {
    const host = this.hosts.get(node);
    if (host === undefined) throw new RangeError(`no host ${node}`);
    return host;
  }

  /** The node that a peer or client URL points to. */
  nodeOf(url: string): string {
    let node = this.#nodes.get(url);
    if (node === undefined) {
      const { hostname } = new URL(url);
      node = this.nodes[this.nodes.findIndex((_, at) => nodeAddress(at) === hostname)] ?? hostname;
      this.#nodes.set(url, node);
    }
    return node;
  }

  /** A client of one node's etcd, outside of the cluster. */
  client(node: string, from = outsideHost): EtcdAdmin {
    return this.etcd.admin(from, this.specs.get(node)!.etcd.advertiseClientURLs[0]!, adminMs);
  }

  /** Lets time pass until the promise is settled. */
  async settle<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let outcome: { value: T } | { error: unknown } | undefined;
    promise.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    await this.clock.runUntilDone(() => outcome !== undefined, this.clock.nowMs + limitMs);
    if (outcome === undefined) throw new Error(`nothing came within ${limitMs} ms`);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** The member list through the first node that gives a linearizable one. */
  async members(): Promise<readonly Member[] | undefined> {
    for (const node of this.nodes) {
      const admin = this.client(node);
      try {
        await this.settle(admin.linearizableRead(), 2 * adminMs);
        return await this.settle(admin.memberList({ linearizable: true }), 2 * adminMs);
      } catch {
        // The next one.
      } finally {
        admin.close();
      }
    }
    return undefined;
  }

  /** The node whose etcd leads, by its own word and through a linearizable read. */
  async leader(): Promise<string | undefined> {
    for (const node of this.nodes) {
      const admin = this.client(node);
      try {
        await this.settle(admin.linearizableRead(), 2 * adminMs);
        const { leader, memberId } = await this.settle(admin.status(), 2 * adminMs);
        if (leader === memberId) return node;
      } catch {
        // The next one.
      } finally {
        admin.close();
      }
    }
    return undefined;
  }

  /** Lets time pass until everything is well, `limitMs` at most. */
  async becomesHealthy(limitMs: number): Promise<boolean> {
    const endMs = this.clock.nowMs + limitMs;
    while (this.clock.nowMs < endMs) {
      if ((await this.complaint()) === undefined) return true;
      await this.clock.runUntil(this.clock.nowMs + 1_000);
    }
    return false;
  }

  /** The rules for which a node's agent waits. */
  waitingRules(node: string): readonly string[] {
    const plan = this.host(node).agent?.caretaker?.healer.seen()?.plan;
    return plan?.waiting.map(({ rule }) => rule) ?? [];
  }

  /** What is not well; undefined: every node is a healthy voter, no alarm is armed, every agent is content. */
  async complaint(): Promise<string | undefined> {
    for (const host of this.hosts.values()) {
      if (host.service.process?.ready !== true) return `etcd of ${host.node} is not ready`;
      const running = this.etcd.running().find(({ node }) => node === host.node);
      if (running === undefined || running.disk !== host.disk.member(dataDir))
        return `${host.node} has not the data that its etcd has open`;
      const { generation, clusterId, underWay } = this.coordinator.record;
      if (running.disk?.clusterId !== clusterId) return `etcd of ${host.node} is of a former cluster`;
      if (underWay !== undefined) return `${underWay.kind} has not ended`;
      if ((host.spec()?.generation ?? 0) < generation) return `${host.node} was not told of ${generation}`;
      const listening = host.listening();
      if (typeof listening === 'string' || !listening.process.running)
        return `the agent of ${host.node} does not answer`;
      const { etcd, intent } = listening.peerView();
      if (etcd !== 'healthy' || intent !== 'none') return `${host.node} says: etcd ${etcd}, intent ${intent}`;
    }
    const members = await this.members();
    if (members === undefined) return 'no linearizable list';
    const voters = members.filter(({ role, started }) => role === 'voter' && started).map(({ name }) => name);
    if (members.length !== this.nodes.length || [...voters].sort().join() !== [...this.nodes].sort().join())
      return `members: ${members.map(({ name, role, started }) => `${name || '?'} ${role} ${started}`).join(', ')}`;
    for (const node of this.nodes) {
      const admin = this.client(node);
      try {
        await this.settle(admin.put(`probe-${node}`, String(this.clock.nowMs)), 2 * adminMs);
        const alarms = await this.settle(admin.alarms(), 2 * adminMs);
        if (alarms.length > 0) return `alarm ${alarms[0]!.type}`;
      } catch (error) {
        return `no write through ${node}: ${(error as Error).message}`;
      } finally {
        admin.close();
      }
    }
    return undefined;
  }
}

/** What a coordinator would have told the nodes. */
function specsOf({ chance, nodes, version, policy }: ClusterOptions): Map<string, MemberSpec> {
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  const token = chance.hex(32);
  const bootstrapId = chance.uuid();
  const members = names.map((name, index) => {
    const peerURLs = [`https://${nodeAddress(index)}:2380`];
    return { name, memberId: bootstrapMemberId(peerURLs, token), peerURLs };
  });
  const clusterId = clusterIdOf(members.map(({ memberId }) => memberId));
  const agents = names.map((name, index) => ({
    name,
    address: nodeAddress(index),
    port: 2400,
    clientURLs: [`https://${nodeAddress(index)}:2379`],
    certificateSha256: '0'.repeat(64),
  }));
  return new Map(
    members.map(({ name, memberId, peerURLs }, index) => {
      const clientURL = `https://${nodeAddress(index)}:2379`;
      const spec: MemberSpec = {
        generation: 1,
        node: name,
        cluster: { name: 'sim', bootstrapId, token, clusterId },
        memberId,
        etcd: {
          version,
          dataDir,
          listenPeerURLs: peerURLs,
          listenClientURLs: [clientURL],
          initialAdvertisePeerURLs: peerURLs,
          advertiseClientURLs: [clientURL],
          heartbeatInterval: 100,
          electionTimeout: 1_000,
        },
        initialCluster: members,
        agents,
        healing: healingPolicySchema.parse(policy ?? {}),
        unwanted: [],
      };
      return [name, spec];
    }),
  );
}
