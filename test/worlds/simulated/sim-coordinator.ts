/**
 * A person at a simulated coordinator who puts a snapshot in the place of the cluster's data, or takes that back. The steps and
 * their order are those of the coordinator's own carry-out.ts; each is answered by the agents' own code. What is remembered from
 * one command to the next is the record, which is on the disk before any agent hears of it.
 */
import { type EtcdAdmin, type EtcdError, quorum } from '@etcd-agent/etcd';
import type { ClusterOperation, MemberSpec, OperationView } from '@etcd-agent/protocol';
import type { SimChance } from './chance.js';
import type { EtcdSnapshot } from './etcd-disk.js';
import { snapshotOf } from './etcd-restore.js';
import type { SimCluster } from './sim-cluster.js';
import { dial, type SimLink } from './sim-link.js';
import { SimProcess } from './sim-process.js';
import { recordOfSpec, restored, type SimRecord, specOfRecord, undone } from './sim-record.js';

export interface RestoreOrder {
  /** Nodes that do not take part. */
  readonly without: readonly string[];
  /** Whose data the snapshot is of; undefined: of the member that is furthest. */
  readonly from: string | undefined;
}

/** Its own host. */
const coordinatorHost = 'coordinator';
const triesMax = 100;
/** By when started members must be healthy. */
const healthyMsMax = 60_000;
const checkMs = 250;
const adminMs = 1_000;
const command = 'coordinator restore --resume';

type Links = readonly SimLink[];

export class SimCoordinator {
  /** Told of each step of a command before it is made: a call, its answer, the record. */
  onStep: (what: string) => void = () => undefined;
  /** Told of each record as it is kept. */
  onRecord: (record: SimRecord) => void = () => undefined;
  /** A person reads what failed, and runs what it says. */
  againMs = 5_000;
  #record: SimRecord;
  readonly #before = new Map<string, SimRecord>();
  readonly #takingPart = new Map<string, readonly string[]>();
  readonly #snapshots = new Map<string, EtcdSnapshot>();
  #running: SimProcess | undefined;
  #awayMs = 0;

  constructor(
    private readonly cluster: SimCluster,
    private readonly chance: SimChance,
    spec: MemberSpec,
  ) {
    this.#record = recordOfSpec(spec);
  }

  get record(): SimRecord {
    return this.#record;
  }

  /** Every operation that was ever begun. */
  get operations(): readonly string[] {
    return [...this.#before.keys()];
  }

  snapshot(sha256: string): EtcdSnapshot | undefined {
    return this.#snapshots.get(sha256);
  }

  /** What the cluster of now began with; undefined: with nothing. */
  get beginning(): EtcdSnapshot | undefined {
    return this.#snapshots.get(this.#record.token);
  }

  /** `coordinator restore FILE`, and what it says to run, until it has ended well. */
  restore(order: RestoreOrder): Promise<void> {
    const id = this.chance.uuid();
    return this.#atWork(id, (process) => this.#restore(process, id, order));
  }

  /** `coordinator restore undo`. */
  undo(without: readonly string[]): Promise<void> {
    const id = this.chance.uuid();
    return this.#atWork(id, (process) => this.#undo(process, id, without));
  }

  /** `coordinator restore --resume`, until every agent has been told. */
  resume(): Promise<void> {
    return this.#atWork(undefined, (process) => this.#goOn(process));
  }

  /** SIGKILL for the command that runs; the person runs the next one so much later. */
  kill(forMs: number): void {
    this.#awayMs = forMs;
    this.#running?.kill();
  }

  async #atWork(id: string | undefined, begin: (process: SimProcess) => Promise<void>): Promise<void> {
    const { clock, log } = this.cluster;
    const person = clock.forProcess(new SimProcess('person'));
    for (let tries = 0; tries < triesMax; tries++) {
      const begun = id !== undefined && this.#before.has(id);
      try {
        await this.#run(begun ? (process) => this.#goOn(process, id) : begin);
        return;
      } catch (error) {
        log.add('operator', `failed: ${(error as Error).message}`);
        if (error instanceof Refused) return;
      }
      await person.sleep(Math.max(this.againMs, this.#awayMs));
      this.#awayMs = 0;
    }
    throw new Error(`gave up after ${triesMax} tries`);
  }

  #run(act: (process: SimProcess) => Promise<void>): Promise<void> {
    if (this.#running !== undefined) return Promise.reject(new Error('another command has the state locked'));
    const process = new SimProcess(`${coordinatorHost}/command`);
    this.#running = process;
    const ended = new Promise<void>((resolve, reject) => {
      process.atEnd(() => reject(new Error('killed')));
      act(process).then(resolve, reject);
    });
    return ended.finally(() => {
      this.#running = undefined;
    });
  }

  async #restore(process: SimProcess, id: string, { without, from }: RestoreOrder): Promise<void> {
    if (this.#record.underWay !== undefined) throw new Error('the one before has not ended');
    const links = await this.#reach(process);
    const nodes = this.cluster.nodes.filter((node) => !without.includes(node));
    const part = partOf(links, nodes);
    const known = [this.#record, ...this.#record.previous].map(({ clusterId }) => clusterId);
    for (const { dataDir, fileSystem } of await each(part, (link) =>
      link.call('operation.look', { operation: id }),
    )) {
      const foreign = dataDir.kind === 'foreign' && !known.includes(dataDir.clusterId ?? '');
      if (foreign || dataDir.kind === 'unknown' || fileSystem === 'other')
        throw new Refused(`${dataDir.kind}, ${fileSystem} file system`);
    }
    const sha256 = this.chance.hex(64);
    const token = this.chance.hex(32);
    const snapshot = this.#saved(from);
    this.#snapshots.set(sha256, snapshot);
    this.#snapshots.set(token, snapshot);
    const operation: Extract<ClusterOperation, { kind: 'restore' }> = {
      kind: 'restore',
      id,
      command,
      nodes,
      snapshot: { sha256, bytes: 1, bumpRevision: 0 },
    };
    this.#begin(id, restored(this.#record, operation, token, this.#nextGeneration(links)));
    await this.#carryOut(process, links);
  }

  async #undo(process: SimProcess, id: string, without: readonly string[]): Promise<void> {
    const { underWay, bootstrapId } = this.#record;
    const of = underWay === undefined ? bootstrapId : underWay.kind === 'undo' ? underWay.of : underWay.id;
    const former = this.#before.get(of);
    if (former === undefined) throw new Refused('there was no restore');
    const links = await this.#reach(process);
    const nodes = this.cluster.nodes.filter((node) => !without.includes(node));
    const views = await each(partOf(links, nodes), (link) => link.call('operation.look', { operation: of }));
    const bearers = views.filter(
      ({ quarantine, dataDir, repairOf }) =>
        repairOf !== former.bootstrapId &&
        [quarantine?.clusterId, clusterOf(dataDir)].includes(former.clusterId),
    );
    if (bearers.length < quorum(former.members.length))
      throw new Refused(`data of the former cluster is on ${bearers.length} nodes`);
    const operation = { kind: 'undo', id, command, nodes, of } as const;
    this.#begin(id, undone(this.#record, former, operation, this.#nextGeneration(links)));
    await this.#carryOut(process, links);
  }

  /** `id`: of the operation whose nodes are to be told; undefined: all are. */
  async #goOn(process: SimProcess, id?: string): Promise<void> {
    const links = await this.#reach(process);
    const { underWay } = this.#record;
    if (underWay !== undefined) return this.#carryOut(process, links);
    await this.#publish(links);
    const nodes = id === undefined ? this.cluster.nodes : this.#takingPart.get(id)!;
    partOf(links, nodes);
  }

  async #carryOut(process: SimProcess, links: Links): Promise<void> {
    const operation = this.#record.underWay!;
    const id = { operation: operation.id };
    const part = partOf(links, operation.nodes);
    await this.#publish(part);
    let bearers = part;
    if (operation.kind === 'restore') {
      await each(part, (link) => link.call('operation.quarantine', id));
      await each(part, (link) => link.call('operation.place', id));
    } else {
      const put = await each(part, async (link) => {
        await link.call('operation.putBack', id);
        const { dataDir } = await link.call('operation.look', { operation: operation.of });
        return dataDir.kind === 'ours' && dataDir.wal.kind === 'present' ? [link] : [];
      });
      bearers = put.flat();
    }
    await each(bearers, (link) => link.call('operation.start', id));
    await this.#untilHealthy(
      process,
      bearers.map(({ node }) => node),
    );
    this.#keep({ ...this.#record, generation: this.#record.generation + 1, underWay: undefined });
    await this.#publish(links);
  }

  async #publish(links: Links): Promise<void> {
    const { generation } = this.#record;
    if (links.some((link) => link.generation > generation))
      throw new Error('an agent knows a newer generation');
    await each(
      links.filter((link) => link.generation < generation),
      (link) => link.call('spec.apply', { spec: this.cluster.specs.get(link.node)! }),
    );
  }

  async #untilHealthy(process: SimProcess, nodes: readonly string[]): Promise<void> {
    const clock = this.cluster.clock.forProcess(process);
    const endMs = clock.monotonicMs() + healthyMsMax;
    for (;;) {
      const why = await this.#complaint(process, nodes, clock.monotonicMs() > endMs);
      if (why === undefined) return;
      if (clock.monotonicMs() > endMs) throw new Error(`not healthy: ${why}`);
      await clock.sleep(checkMs);
    }
  }

  /**
   * A write of its own through every member, members as they are on record, the same keys on all. Of a cluster that was put back it
   * is enough, at last, that a quorum serves: those who fail are as they were.
   */
  async #complaint(
    process: SimProcess,
    nodes: readonly string[],
    atLast: boolean,
  ): Promise<string | undefined> {
    const { clusterId, members, underWay } = this.#record;
    const all = nodes.map((node) => this.#admin(process, node));
    try {
      const written = await Promise.allSettled(
        all.map((admin, at) => admin.put(`verified/${nodes[at]}`, 'yes')),
      );
      if (underWay?.kind === 'restore' && (await this.#dropFormerAlarms(all[0]!))) return 'alarms of before';
      const admins = all.filter((_, at) => written[at]!.status === 'fulfilled' || isAlarm(written[at]!));
      for (const outcome of written) {
        if (outcome.status === 'fulfilled' || isAlarm(outcome)) continue;
        const error = outcome.reason as EtcdError;
        const isLeft = underWay?.kind === 'undo' && admins.length > 0 && (atLast || !error.retryable);
        if (!isLeft) return error.message;
      }
      const statuses = await Promise.all(admins.map((admin) => admin.status()));
      const other = statuses.find((status) => status.clusterId !== clusterId);
      if (other !== undefined) return `${other.memberId} is of cluster ${other.clusterId}`;
      if (underWay?.kind !== 'restore') return undefined;
      const list = await admins[0]!.memberList({ linearizable: true });
      const expected = members.filter(({ name }) => nodes.includes(name)).map(({ memberId }) => memberId);
      const found = list.map(({ id }) => id as string);
      if ([...found].sort().join() !== [...expected].sort().join()) return `members ${found.join()}`;
      const revision = Math.min(...statuses.map((status) => Number(status.revision)));
      const hashes = await Promise.all(admins.map((admin) => admin.hashKV(String(revision))));
      return new Set(hashes.map(({ hash }) => hash)).size === 1 ? undefined : 'their keys differ';
    } catch (error) {
      return (error as Error).message;
    } finally {
      for (const admin of all) admin.close();
    }
  }

  /** Of members that a restored cluster does not have; returns whether there were any. */
  async #dropFormerAlarms(admin: EtcdAdmin): Promise<boolean> {
    const ids = this.#record.members.map(({ memberId }) => memberId);
    const former = (await admin.alarms()).filter(({ memberId }) => !ids.includes(memberId));
    for (const alarm of former) await admin.disarm(alarm);
    return former.length > 0;
  }

  #admin(process: SimProcess, node: string) {
    const [endpoint] = this.cluster.specs.get(node)!.etcd.advertiseClientURLs;
    return this.cluster.etcd.admin(coordinatorHost, endpoint!, adminMs, (resume) => process.deliver(resume));
  }

  /** Links to all agents that answer. */
  async #reach(process: SimProcess): Promise<Links> {
    const { cluster } = this;
    const made = await Promise.allSettled(
      cluster.nodes.map((node) => dial(cluster, process, coordinatorHost, node, (what) => this.onStep(what))),
    );
    return made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  }

  #saved(from: string | undefined): EtcdSnapshot {
    const { etcd, dataDir, nodes } = this.cluster;
    const disks = nodes.flatMap((node) => {
      const disk = this.cluster.host(node).disk.member(dataDir);
      const runs = etcd.running().some((each) => each.node === node && each.ready && each.disk === disk);
      return disk !== undefined && (from === undefined ? runs : from === node) ? [disk] : [];
    });
    const furthest = disks.sort((a, b) => b.applied.revision - a.applied.revision)[0];
    if (furthest === undefined) throw new Error('nothing can be saved');
    return snapshotOf(furthest);
  }

  #nextGeneration(links: Links): number {
    return Math.max(this.#record.generation, ...links.map(({ generation }) => generation)) + 1;
  }

  #begin(id: string, record: SimRecord): void {
    this.onStep(`record of ${record.underWay!.kind}`);
    this.#before.set(id, this.#record);
    this.#takingPart.set(id, record.underWay!.nodes);
    this.#keep(record);
  }

  #keep(record: SimRecord): void {
    const { specs, log } = this.cluster;
    this.#record = record;
    for (const [node, spec] of specs) specs.set(node, specOfRecord(spec, record));
    const { generation, clusterId, underWay } = record;
    log.add(
      'operator',
      `generation ${generation}: cluster ${clusterId}, ${underWay?.kind ?? 'nothing'} under way`,
    );
    this.onRecord(record);
  }
}

function isAlarm(outcome: PromiseSettledResult<unknown>): boolean {
  return outcome.status === 'rejected' && (outcome.reason as EtcdError).kind === 'alarmed';
}

/** Nothing was changed, and trying again does not help. */
class Refused extends Error {}

function partOf(links: Links, nodes: readonly string[]): Links {
  const part = links.filter(({ node }) => nodes.includes(node));
  if (part.length === nodes.length) return part;
  const missing = nodes.filter((node) => !part.some((link) => link.node === node));
  throw new Error(`not reached: ${missing.join(', ')}`);
}

/** All at once; all have ended when one has failed. */
async function each<T>(links: Links, act: (link: SimLink) => Promise<T>): Promise<T[]> {
  const ended = await Promise.allSettled(links.map((link) => act(link)));
  return ended.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

function clusterOf(dataDir: OperationView['dataDir']): string | undefined {
  if (dataDir.kind === 'foreign') return dataDir.clusterId;
  return dataDir.kind === 'ours' && dataDir.wal.kind === 'present' ? dataDir.wal.clusterId : undefined;
}
