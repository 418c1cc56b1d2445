/**
 * The faults of scenarios, made in the simulated world. Each is carried out at one moment; what takes time (a repair by
 * hand) goes on beside the others.
 */
import { clusterId, memberId } from '@etcd-agent/etcd';
import type { Fault, FaultKind, Target } from '../../scenarios/scenario.js';
import type { AgentHost } from './agent-core.js';
import { epochMs } from './clock.js';
import { type AlarmType, cloneDisk, corruptSilently, damages } from './etcd-disk.js';
import { addForNobody, makeRoom, repairByHand } from './operator.js';
import type { SimCluster } from './sim-cluster.js';
import type { DiskCopy } from './sim-disk.js';
import { nodeAddress } from './sim-identities.js';

/** Whose the data of another cluster is. */
const foreign = { clusterId: clusterId('f0f0f0f0f0f0f0f0'), memberId: memberId('0f0f0f0f0f0f0f0f') };

/** Between two tries of a person. */
const askAgainMs = 2_000;

type HealStore = AgentHost['heal'];

type Makers = { readonly [K in FaultKind]: (fault: Extract<Fault, { kind: K }>) => void | Promise<void> };

export class SimFaults {
  readonly #roles = new Map<string, string>();
  readonly #copies = new Map<string, DiskCopy>();
  readonly #background = new Set<Promise<void>>();
  /** When everything that was begun ends by itself, milliseconds of the run: sleeping agents, hosts without power. */
  longestMs = 0;

  private constructor(private readonly cluster: SimCluster) {}

  /** Roles are those of now. */
  static async of(cluster: SimCluster): Promise<SimFaults> {
    const faults = new SimFaults(cluster);
    const leader = (await cluster.leader()) ?? cluster.nodes[0]!;
    const [follower, secondFollower] = cluster.nodes.filter((node) => node !== leader);
    faults.#roles.set('leader', leader);
    faults.#roles.set('follower', follower!);
    faults.#roles.set('secondFollower', secondFollower!);
    return faults;
  }

  nodesOf(target: Target): readonly string[] {
    if (target === 'all') return this.cluster.nodes;
    return [this.#roles.get(target) ?? target];
  }

  #nodes(targets: readonly Target[]): readonly string[] {
    return targets.flatMap((target) => this.nodesOf(target));
  }

  async make(fault: Fault): Promise<void> {
    const { cluster } = this;
    const forMs = 'forMs' in fault ? fault.forMs : 0;
    this.longestMs = Math.max(this.longestMs, cluster.clock.nowMs + forMs);
    cluster.log.add('fault', JSON.stringify(fault));
    await (this.#makers[fault.kind] as (fault: Fault) => void | Promise<void>)(fault);
  }

  /** Nothing of a fault is still going on. */
  get quiet(): boolean {
    return this.#background.size === 0;
  }

  #each(target: Target, act: (node: string) => void): void {
    for (const node of this.nodesOf(target)) act(node);
  }

  #host(node: string) {
    return this.cluster.host(node);
  }

  #damage(target: Target, damage: keyof typeof damages): void {
    this.#each(target, (node) => {
      const { service, disk } = this.#host(node);
      service.kill();
      const member = disk.member(this.cluster.dataDir);
      if (member !== undefined) member.damage = damages[damage];
    });
  }

  /** What an operator asks of an agent through its door, again and again until it has an answer. */
  #ask(node: string, change: Parameters<HealStore['change']>[0]): void {
    const { clock } = this.cluster;
    let answered = false;
    const ask = (): void => {
      if (answered) return;
      const { process, host, caretaker } = this.#host(node).agent ?? {};
      if (caretaker !== undefined && process?.running === true)
        void host!.heal.change(change).then(() => {
          answered = true;
          caretaker.healer.wake();
        });
      clock.after(askAgainMs, ask);
    };
    ask();
  }

  #raise(type: AlarmType, node: string): void {
    const memberId = this.#host(node).disk.member(this.cluster.dataDir)?.memberId;
    if (memberId !== undefined) this.cluster.etcd.raiseAlarm(type, memberId);
  }

  #inBackground(work: Promise<void>): void {
    const { log } = this.cluster;
    const watched = work
      .catch((error: unknown) => log.add('fault', `by hand: ${(error as Error).message}`))
      .finally(() => this.#background.delete(watched));
    this.#background.add(watched);
  }

  readonly #makers: Makers = {
    kill: ({ on }) => this.#each(on, (node) => this.#host(node).service.kill()),
    hang: ({ on }) => this.#each(on, (node) => this.#host(node).service.hang()),
    stopByHand: ({ on }) => this.#each(on, (node) => this.#host(node).service.stop(10_000)),
    wipe: ({ on, etcd }) =>
      this.#each(on, (node) => {
        const { service, disk } = this.#host(node);
        if (etcd === 'killed') service.kill();
        disk.unlink(`${this.cluster.dataDir}/member`);
      }),
    corruptWal: ({ on }) => this.#damage(on, 'walChecksum'),
    truncateBolt: ({ on }) => this.#damage(on, 'freePages'),
    copyDisk: ({ on }) =>
      this.#each(on, (node) => {
        this.#copies.set(node, this.#host(node).disk.copy());
      }),
    rollBack: ({ on }) =>
      this.#each(on, (node) => {
        const copy = this.#copies.get(node);
        const host = this.#host(node);
        host.powerCut(15_000);
        if (copy !== undefined) host.disk.putBack(copy);
      }),
    putBack: ({ on }) =>
      this.#each(on, (node) => {
        const copy = this.#copies.get(node);
        const { disk, service } = this.#host(node);
        // An etcd of the agent's own supervisor is started by nobody else.
        const starts = service.flavour === 'systemd';
        service.stop(10_000, () => {
          if (copy !== undefined) disk.putBackMember(copy, this.cluster.dataDir);
          if (starts) service.start();
        });
      }),
    removeMember: async ({ on }) => {
      const members = await this.cluster.members();
      for (const node of this.nodesOf(on)) {
        const id = members?.find(({ name }) => name === node)?.id;
        const through = this.cluster.nodes.find(
          (each) => each !== node && !this.cluster.network.isSilent(each),
        );
        if (id === undefined || through === undefined) continue;
        const admin = this.cluster.client(through);
        await this.cluster.settle(admin.memberRemove(id), 5_000).catch(() => undefined);
        admin.close();
      }
    },
    replaceMember: ({ on }) =>
      this.#each(on, (node) => {
        const at = new Date(epochMs + this.cluster.clock.nowMs).toISOString();
        this.#ask(node, (memory) => ({ ...memory, order: { by: 'operator', at } }));
      }),
    addForNobody: () => this.#inBackground(addForNobody(this.cluster)),
    foreignData: ({ on }) =>
      this.#each(on, (node) => {
        const { service, disk } = this.#host(node);
        const { dataDir } = this.cluster;
        const member = disk.member(dataDir);
        if (member === undefined) return;
        service.kill();
        disk.unlink(`${dataDir}/member`);
        disk.putMember(dataDir, { ...cloneDisk(member), ...foreign });
      }),
    loseAddress: ({ on, forMs }) =>
      this.#each(on, (node) => {
        const host = this.#host(node);
        host.powerCut(forMs);
        host.machine.addresses.splice(0, 1);
      }),
    regainAddress: ({ on }) =>
      this.#each(on, (node) =>
        this.#host(node).machine.addresses.unshift(nodeAddress(this.cluster.nodes.indexOf(node))),
      ),
    reinstall: ({ on, forMs }) =>
      this.#each(on, (node) => {
        const host = this.#host(node);
        const spec = this.cluster.specs.get(node)!;
        const former = host.disk.member(this.cluster.dataDir)?.memberId ?? spec.memberId;
        const told = { ...spec, generation: spec.generation + 1, replaces: former };
        this.#inBackground(host.reinstall(told, forMs));
      }),
    loseConf: ({ on }) =>
      this.#each(on, (node) => {
        const { service, disk, paths } = this.#host(node);
        service.kill();
        disk.unlink(paths.etcdConfigDir);
      }),
    newDisk: ({ on }) =>
      this.#each(on, (node) => {
        const { service, disk } = this.#host(node);
        service.kill();
        disk.mountNew(this.cluster.dataDir);
      }),
    acceptDisk: ({ on }) =>
      this.#each(on, (node) => {
        const { disk } = this.#host(node);
        const { dataDir } = this.cluster;
        const { id } = disk.deviceOf(dataDir);
        this.#ask(node, (memory) => ({ ...memory, fileSystem: { dataDir, id } }));
      }),
    raiseNospace: ({ on }) => this.#each(on, (node) => this.#raise('NOSPACE', node)),
    makeRoom: ({ on }) => this.#each(on, (node) => this.#inBackground(makeRoom(this.cluster, node))),
    diverge: ({ on }) =>
      this.#each(on, (node) => {
        const member = this.#host(node).disk.member(this.cluster.dataDir);
        if (member === undefined) return;
        corruptSilently(member, 'diverged', 'behind its back');
        this.#raise('CORRUPT', node);
      }),
    partition: ({ from, to, oneWay }) => {
      const { network } = this.cluster;
      for (const one of this.#nodes(from))
        for (const other of this.#nodes(to)) {
          network.cut(one, other);
          if (!oneWay) network.cut(other, one);
        }
    },
    silence: ({ on }) => this.#each(on, (node) => this.cluster.network.silence(node)),
    mendNetwork: () => this.cluster.network.mendAll(),
    powerCut: ({ on, forMs }) => this.#each(on, (node) => this.#host(node).powerCut(forMs)),
    killAgent: ({ on, forMs }) => this.#each(on, (node) => this.#host(node).killAgent(forMs)),
    stopAgent: ({ on, forMs }) => this.#each(on, (node) => this.#host(node).stopAgent(forMs)),
    repairByHand: ({ on }) => this.#each(on, (node) => this.#inBackground(repairByHand(this.cluster, node))),
    pause: ({ on, forMs }) =>
      this.#each(on, (node) => {
        const until = new Date(epochMs + this.cluster.clock.nowMs + forMs).toISOString();
        this.#ask(node, (memory) => ({ ...memory, pause: { until, reason: 'maintenance', by: 'operator' } }));
      }),
    restore: ({ without = [], from }) =>
      this.#inBackground(
        this.cluster.coordinator.restore({
          without: this.#nodes(without),
          from: from === undefined ? undefined : this.nodesOf(from)[0],
        }),
      ),
    undoRestore: ({ without = [] }) =>
      this.#inBackground(this.cluster.coordinator.undo(this.#nodes(without))),
    resumeRestore: () => this.#inBackground(this.cluster.coordinator.resume()),
    killCoordinator: ({ forMs }) => this.cluster.coordinator.kill(forMs),
    resume: ({ on }) =>
      this.#each(on, (node) => {
        this.#ask(node, ({ pause: _, ...memory }) => memory);
      }),
  };
}
