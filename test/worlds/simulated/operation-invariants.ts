/**
 * What must hold while another cluster is put in the place of this one, and ever after: I10, that only the newest cluster
 * acknowledges writes; I11, that under a hold nobody acts but the operation; I12, that only data of former clusters is moved aside for it.
 */
import { quorum } from '@etcd-agent/etcd';
import type { Command } from './etcd-disk.js';
import type { SimCluster } from './sim-cluster.js';
import type { AgentAction } from './sim-host.js';
import type { SimProcess } from './sim-process.js';
import type { SimRecord } from './sim-record.js';

/**
 * By when an agent that runs, and can hear one that was told of a newer cluster, has ended the etcd of a former one: the other
 * may look at its spec 5 s later, this one at the other 7 s after that, and its etcd may hang for 5 s more.
 */
const heardMsMax = 20_000;

type Breach = (invariant: 'I10' | 'I11' | 'I12', what: string) => void;

export class OperationInvariants {
  /** By the keys of writers: in which cluster the write was committed. */
  readonly committedIn = new Map<string, string>();
  #firstWriteMs: number | undefined;
  /** Since when a node could know without a break that there is a newer cluster than the one whose data it has. */
  readonly #heard = new Map<string, { readonly sinceMs: number; readonly process: SimProcess }>();
  /** There was an operation. */
  #begun = false;

  constructor(
    private readonly cluster: SimCluster,
    private readonly breach: Breach,
  ) {}

  /** The record names another cluster than before, or the same one in another operation. */
  onRecord({ underWay }: SimRecord): void {
    if (underWay === undefined) return;
    this.#begun = true;
    this.#firstWriteMs = undefined;
    this.#heard.clear();
  }

  /** `voters`: the nodes whose members vote in that cluster now. */
  onCommitted(clusterId: string, command: Command, voters: readonly string[]): void {
    if (command.kind === 'put') this.committedIn.set(command.key, clusterId);
    if (!this.#begun || !isWrite(command)) return;
    const { cluster } = this;
    if (clusterId === cluster.coordinator.record.clusterId) {
      this.#firstWriteMs ??= cluster.clock.nowMs;
      return;
    }
    if (this.#firstWriteMs === undefined) return;
    // Those that cannot have heard of it go on, where they are a quorum of it.
    const unheard = voters.filter((node) => !this.#hasHeard(node));
    if (unheard.length < quorum(voters.length))
      this.breach('I10', `cluster ${clusterId} acknowledges ${command.kind} beside a newer one`);
  }

  look(): void {
    if (!this.#begun) return;
    const { cluster } = this;
    for (const node of cluster.nodes) {
      const process = this.#hears(node);
      const since = this.#heard.get(node);
      if (process === undefined) this.#heard.delete(node);
      else if (since?.process !== process) this.#heard.set(node, { sinceMs: cluster.clock.nowMs, process });
    }
    if (this.#firstWriteMs === undefined) return;
    const { clusterId } = cluster.coordinator.record;
    for (const { node, disk, ready } of cluster.etcd.running())
      if (ready && disk !== undefined && disk.clusterId !== clusterId && this.#hasHeard(node))
        this.breach('I10', `${node} serves cluster ${disk.clusterId} beside a newer one`);
  }

  onAction(node: string, action: AgentAction): void {
    if (!this.#begun) return;
    const host = this.cluster.host(node);
    const spec = host.spec();
    if (spec === undefined) return;
    if (action.kind === 'file') {
      this.#onFile(node, action.change);
      return;
    }
    if (spec.hold === undefined) return;
    const isStep = (action.kind === 'stopEtcd' || action.kind === 'startEtcd') && host.operates;
    const isFence = action.kind === 'stopEtcd' && this.#newestElsewhere(node) > spec.generation;
    if (!isStep && !isFence) this.breach('I11', `${node} does ${action.kind} under ${spec.hold.kind}`);
  }

  #onFile(node: string, { kind, path, to }: Extract<AgentAction, { kind: 'file' }>['change']): void {
    if (kind !== 'move' && kind !== 'removeTree') return;
    const host = this.cluster.host(node);
    const spec = host.spec()!;
    const { dataDir } = spec.etcd;
    const moved = host.disk
      .members()
      .filter((each) => each.path === path || each.path.startsWith(`${path}/`));
    if (kind === 'removeTree') {
      if (this.isOfOperation(path) && moved.length > 0) this.breach('I12', `${node} deletes ${path}`);
    }
    if (kind !== 'move' || to === undefined || moved.length === 0) return;
    const { clusterId, previous = [] } = spec.cluster;
    const [{ disk }] = moved as [(typeof moved)[number]];
    if (to === `${dataDir}/member`) {
      if (disk.clusterId !== clusterId)
        this.breach('I12', `${node} puts data of ${disk.clusterId} in its place`);
      return;
    }
    if (path !== dataDir && path !== `${dataDir}/member`) return;
    if (spec.hold !== undefined && !host.operates)
      this.breach('I11', `${node} moves ${path} aside under ${spec.hold.kind}`);
    const isFormer = previous.some((each) => each.clusterId === disk.clusterId);
    const isOwn = spec.hold === undefined && disk.clusterId === clusterId;
    if (!isFormer && !isOwn) this.breach('I12', `${node} moves data of ${disk.clusterId} aside`);
  }

  /** It was moved aside by an operation: no repair's, and never deleted. */
  isOfOperation(path: string): boolean {
    return this.cluster.coordinator.operations.some((id) => path.includes(`.quarantine-${id}`));
  }

  #hasHeard(node: string): boolean {
    const heard = this.#heard.get(node);
    return heard !== undefined && this.cluster.clock.nowMs - heard.sinceMs >= heardMsMax;
  }

  /** The process of its agent, where that was told of the newest cluster itself, or hears one that was. */
  #hears(node: string): SimProcess | undefined {
    const process = this.#agentOf(node);
    if (process === undefined) return undefined;
    const { cluster } = this;
    const { clusterId } = cluster.coordinator.record;
    const own = cluster.host(node).spec()?.generation ?? 0;
    const tells = cluster.nodes.some((peer) => {
      const spec = cluster.host(peer).spec();
      if (spec?.cluster.clusterId !== clusterId) return false;
      if (peer === node) return spec.hold === undefined;
      return (
        spec.generation > own &&
        this.#agentOf(peer) !== undefined &&
        cluster.network.reachBothWays(node, peer)
      );
    });
    return tells ? process : undefined;
  }

  #agentOf(node: string): SimProcess | undefined {
    const listening = this.cluster.host(node).listening();
    return typeof listening !== 'string' && listening.process.running ? listening.process : undefined;
  }

  #newestElsewhere(node: string): number {
    const { cluster } = this;
    return Math.max(
      ...cluster.nodes
        .filter((peer) => peer !== node)
        .map((peer) => cluster.host(peer).spec()?.generation ?? 0),
    );
  }
}

function isWrite({ kind }: Command): boolean {
  return kind === 'put' || kind === 'delete' || kind === 'lock' || kind === 'revoke';
}
