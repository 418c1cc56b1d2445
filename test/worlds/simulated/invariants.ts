/**
 * What must hold at every moment of a run, whatever happens. Each breach is noted with its number and its time; a run with
 * one has failed. I6, that everything ends healthy, is for run-seed.ts to see.
 */
import { type ClusterId, type MemberId, quorum } from '@etcd-agent/etcd';
import { AgentKnowledge } from './agent-knowledge.js';
import { type EtcdDisk, type LogEntry, lastOf } from './etcd-disk.js';
import type { EtcdObserver } from './etcd-model.js';
import { OperationInvariants } from './operation-invariants.js';
import type { SimCluster } from './sim-cluster.js';
import type { AgentAction } from './sim-host.js';
import type { SimRecord } from './sim-record.js';

export interface Breach {
  readonly invariant: `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12}`;
  readonly atMs: number;
  readonly what: string;
}

interface MemberTruth {
  readonly id: MemberId;
  readonly peerURLs: readonly string[];
  role: 'voter' | 'learner';
  started: boolean;
  readonly by: 'bootstrap' | 'agent' | 'person';
}

/** One cluster, as its log has it. */
interface ClusterTruth {
  readonly members: Map<MemberId, MemberTruth>;
  /** When it last had a quorum. */
  quorumMs: number;
}

/** What an agent read before it acts may be this old when it takes effect. */
const staleMsMax = 5_000;
/** A quorum that was lost this long ago is known to every agent. */
const lossKnownMs = 10_000;
/**
 * Where no quorum is left, and those that do not answer could have been one with this member, an etcd is started after five minutes, and
 * a minute after one of the others has answered. Not before.
 */
const unaskedMsMin = 290_000;
const someUnaskedMsMin = 55_000;

/** Between an agent's look at all peers and the question of the etcd that it starts then. */
const mendedMsMax = 1_000;
/** By when an agent has stopped what started under a former id: it may sleep for three minutes first. */
const misledMsMax = 240_000;

export class Invariants {
  readonly breaches: Breach[] = [];
  /** A restore begins another one; what there was before may go on beside it. */
  readonly #truths = new Map<string, ClusterTruth>();
  /** When a voter was last seen well. */
  readonly #wellMs = new Map<MemberId, number>();
  /** Whose etcd an agent is stopping, or has stopped. */
  readonly #stopping = new Set<string>();
  readonly #agentAdds: string[] = [];
  readonly #agentRemoves = new Set<string>();
  /** Acts of agents, to be found again in what they wrote down. */
  readonly acts: { readonly node: string; readonly atMs: number; readonly what: string }[] = [];
  /** When two hosts were last seen not to hear each other. */
  readonly #apartMs = new Map<string, number>();
  /** Ids that a peer gave which nobody could have asked before; by when their processes are to be gone. */
  readonly #misled = new Map<MemberId, number>();
  /** Of those, the ids of a cluster to which the peers had just changed over, and the data that they began. */
  readonly #changedOver = new Set<MemberId>();
  readonly #begunOnNothing = new Set<EtcdDisk>();
  #cluster: SimCluster | undefined;
  #operations: OperationInvariants | undefined;
  #knowledge: AgentKnowledge | undefined;
  readonly observer: EtcdObserver = {
    started: (start) => {
      const { node, memberId, emptyDisk, everStarted, behind, runsAlready } = start;
      this.#stopping.delete(node);
      if (runsAlready) this.#breach('I9', `${node} starts a second etcd under ${memberId}`);
      if (everStarted && emptyDisk) {
        if (this.#isMisled(node, memberId))
          this.#misled.set(memberId, this.#cluster!.clock.nowMs + misledMsMax);
        else this.#breach('I4', `${node} starts ${memberId} on an empty disk`);
      }
      const disk = this.#cluster?.etcd.disk(node);
      if (!emptyDisk && disk !== undefined && this.#begunOnNothing.has(disk))
        this.#breach('I4', `${node} starts ${memberId} again, which began on nothing`);
      if (everStarted && !emptyDisk && behind) this.#startsBehind(node, memberId);
    },
    committed: (entry, instead, clusterId) => {
      if (instead !== undefined && instead.command.kind !== 'nothing')
        this.#breach(
          'I1',
          `entry ${entry.index} is ${entry.command.kind} of term ${entry.term}, and was ${instead.command.kind} of term ${instead.term}: committed writes are lost`,
        );
      this.#follow(entry, clusterId);
    },
  };

  /** From now on agents run in it. */
  watch(cluster: SimCluster): void {
    this.#cluster = cluster;
    this.#knowledge = new AgentKnowledge(cluster);
    this.#operations = new OperationInvariants(cluster, (invariant, what) => this.#breach(invariant, what));
    this.#begin(cluster.coordinator.record);
    cluster.coordinator.onRecord = (record) => {
      this.#operations!.onRecord(record);
      this.#begin(record);
    };
    const look = () => {
      this.#knowledge!.seePositions();
      this.look();
      cluster.clock.after(1_000, look);
    };
    look();
  }

  /** A cluster is known from the moment at which its coordinator has written it down. */
  #begin({ clusterId, members, underWay }: SimRecord): void {
    if (this.#truths.has(clusterId)) return;
    const truth: ClusterTruth = { members: new Map(), quorumMs: this.#cluster!.clock.nowMs };
    this.#truths.set(clusterId, truth);
    for (const { name, memberId, peerURLs } of members) {
      if (underWay?.nodes.includes(name) === false) continue;
      const id = memberId as MemberId;
      truth.members.set(id, { id, peerURLs, role: 'voter', started: true, by: 'bootstrap' });
    }
  }

  /** What became of a key that was written and acknowledged. */
  isKept(key: string): boolean {
    const { record, beginning } = this.#cluster!.coordinator;
    return this.#operations!.committedIn.get(key) === record.clusterId || beginning?.store.has(key) === true;
  }

  /** Sees how things are: every second, and before each fault, so that nothing is thought lost longer than it is. */
  look(): void {
    const cluster = this.#cluster!;
    for (const truth of this.#truths.values()) {
      const voters = votersOf(truth);
      for (const voter of voters)
        if (this.#isWell(voter, voters)) this.#wellMs.set(voter.id, cluster.clock.nowMs);
      if (this.#hasQuorum(truth)) truth.quorumMs = cluster.clock.nowMs;
    }
    this.#operations!.look();
    for (const one of cluster.nodes)
      for (const other of cluster.nodes)
        if (!cluster.network.reachBothWays(one, other))
          this.#apartMs.set(`${one} ${other}`, cluster.clock.nowMs);
    this.#knowledge!.seeWhoAnswers();
    for (const { memberId, disk } of this.#changedOver.size === 0 ? [] : cluster.etcd.running())
      if (memberId !== undefined && disk !== undefined && this.#changedOver.has(memberId))
        this.#begunOnNothing.add(disk);
    for (const [id, untilMs] of this.#misled) {
      if (!cluster.etcd.running().some(({ memberId }) => memberId === id)) this.#misled.delete(id);
      else if (cluster.clock.nowMs > untilMs) this.#breach('I4', `${id} was started empty and still runs`);
    }
  }

  /**
   * etcd takes its id from the first peer that answers it. One that is heard again in the moment between the agent's look and
   * that question may know the former id only: no agent can help that, but it stops what has started so.
   */
  #isMisled(node: string, former: MemberId): boolean {
    const cluster = this.#cluster;
    if (cluster === undefined) return false;
    const truth = this.#truthOf(former);
    // Its peers have changed over to another cluster than the one that it was told to join.
    if (
      truth !== undefined &&
      truth !== this.#truths.get(cluster.host(node).spec()?.cluster.clusterId ?? '')
    ) {
      this.#changedOver.add(former);
      return true;
    }
    // One that is a member still was given by whoever starts it, not by a peer that lags.
    if (truth !== undefined) return false;
    return cluster.etcd.running().some(({ node: peer, disk }) => {
      const apartMs = this.#apartMs.get(`${node} ${peer}`) ?? Number.NEGATIVE_INFINITY;
      const isMended =
        cluster.clock.nowMs - apartMs <= mendedMsMax && cluster.network.reachBothWays(node, peer);
      return isMended && disk?.applied.members.some(({ id }) => id === former) === true;
    });
  }

  onAction(node: string, action: AgentAction): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    this.#operations!.onAction(node, action);
    switch (action.kind) {
      case 'memberAdd':
        this.#agentAdds.push(action.what);
        this.#act(node, `memberAdd ${action.what}`);
        this.#mayChange(node, 'adds a member');
        return;
      case 'memberRemove':
        this.#agentRemoves.add(action.what);
        this.#act(node, `memberRemove ${action.what}`);
        this.#mayChange(node, `removes ${action.what}`);
        this.#mayLose(node, action.what as MemberId, 'removes');
        return;
      case 'memberPromote':
        this.#act(node, `memberPromote ${action.what}`);
        this.#mayChange(node, `promotes ${action.what}`);
        return;
      case 'stopEtcd':
        // An operator's doing is not the agent's, and is written down by the coordinator.
        if (cluster.host(node).operates) return;
        this.#act(node, 'stopEtcd');
        this.#mayStop(node);
        return;
      case 'file':
        this.#onFile(node, action.change);
        return;
      case 'startEtcd':
        // Whether it may start shows in `started`.
        return;
      case 'moveLeader':
      case 'disarm':
        this.#act(node, action.kind);
    }
  }

  #follow({ command }: LogEntry, clusterId: ClusterId): void {
    const cluster = this.#cluster;
    const truth = this.#truths.get(clusterId);
    if (cluster === undefined || truth === undefined) return;
    const { members } = truth;
    const voters = votersOf(truth).map(({ peerURLs }) => cluster.nodeOf(peerURLs[0]!));
    this.#operations!.onCommitted(clusterId, command, voters);
    switch (command.kind) {
      case 'add': {
        const { id, peerURLs, role } = command.member;
        const there = [...members.values()];
        // etcd applies a change that it must refuse by then as no change.
        if (there.some((member) => member.peerURLs.some((url) => peerURLs.includes(url)))) return;
        if (role === 'learner' && there.some((member) => member.role === 'learner')) return;
        const call = this.#agentAdds.indexOf(peerURLs.join());
        if (call >= 0) this.#agentAdds.splice(call, 1);
        const by = call >= 0 && !peerURLs.some((url) => cluster.byHand.has(url)) ? 'agent' : 'person';
        members.set(id, { id, peerURLs, role, started: false, by });
        this.#oneInFlight(truth);
        return;
      }
      case 'remove':
        members.delete(command.memberId);
        return;
      case 'promote': {
        const member = members.get(command.memberId);
        if (member !== undefined) member.role = 'voter';
        return;
      }
      case 'publish': {
        const member = members.get(command.memberId);
        if (member !== undefined) member.started = true;
      }
    }
  }

  #oneInFlight({ members }: ClusterTruth): void {
    const flying = [...members.values()].filter(
      ({ by, started, role }) => by === 'agent' && (!started || role === 'learner'),
    );
    if (flying.length > 1)
      this.#breach(
        'I2',
        `in flight at once: ${flying.map(({ id, peerURLs }) => `${id} ${peerURLs.join()}`).join(', ')}`,
      );
  }

  /** The cluster that has this member. */
  #truthOf(id: MemberId): ClusterTruth | undefined {
    for (const truth of this.#truths.values()) if (truth.members.has(id)) return truth;
    return undefined;
  }

  #hasQuorum(truth: ClusterTruth): boolean {
    const voters = votersOf(truth);
    return this.#well(voters, 0).length >= quorum(voters.length);
  }

  /** Runs, and a member that may lead hears it: one that hears a quorum of those that run. Not all of these need hear each other. */
  #isWell(voter: MemberTruth, voters: readonly MemberTruth[]): boolean {
    const running = voters.filter((each) => this.#runs(each));
    if (running.length < quorum(voters.length) || !running.includes(voter)) return false;
    return running.some(
      (leader) =>
        this.#hears(leader, voter) &&
        running.filter((each) => this.#hears(leader, each)).length >= quorum(voters.length),
    );
  }

  #hears(one: MemberTruth, other: MemberTruth): boolean {
    const cluster = this.#cluster!;
    return cluster.network.reachBothWays(
      cluster.nodeOf(one.peerURLs[0]!),
      cluster.nodeOf(other.peerURLs[0]!),
    );
  }

  #runs(voter: MemberTruth): boolean {
    const cluster = this.#cluster!;
    const node = cluster.nodeOf(voter.peerURLs[0]!);
    return (
      !this.#stopping.has(node) &&
      cluster.hosts.get(node)?.service.hanging === false &&
      cluster.etcd.serves(voter.id)
    );
  }

  /** Voters that are well, or were so `sinceMs` ago at most. */
  #well(voters: readonly MemberTruth[], sinceMs: number): readonly MemberTruth[] {
    const cluster = this.#cluster!;
    return voters.filter((voter) => {
      if (this.#isWell(voter, voters)) return true;
      const wellMs = this.#wellMs.get(voter.id) ?? Number.NEGATIVE_INFINITY;
      return sinceMs > 0 && cluster.clock.nowMs - wellMs <= sinceMs;
    });
  }

  #mayLose(node: string, id: MemberId, verb: string): void {
    const truth = this.#truthOf(id);
    if (truth?.members.get(id)?.role !== 'voter') return;
    const voters = votersOf(truth);
    const well = this.#well(voters, staleMsMax).filter((each) => each.id !== id).length;
    const needed = Math.max(quorum(voters.length), voters.length > 1 ? quorum(voters.length - 1) : 1);
    if (well < needed)
      this.#breach(
        'I3',
        `${node} ${verb} voter ${id}: ${well} of ${voters.length} others are well, ${needed} needed`,
      );
  }

  #mayStop(node: string): void {
    const cluster = this.#cluster!;
    const running = cluster.etcd.running().find((each) => each.node === node);
    if (running === undefined) return;
    const { memberId, disk } = running;
    const { record } = cluster.coordinator;
    const spec = cluster.host(node).spec();
    // One of a former cluster is to be stopped, and an agent that was not told yet stops what seems to be one.
    const isOfNow = disk === undefined || disk.clusterId === record.clusterId;
    if (isOfNow && spec !== undefined && spec.generation >= record.generation) {
      this.#mayChange(node, 'stops a live etcd');
      if (memberId !== undefined) this.#mayLose(node, memberId, 'stops');
    }
    // What an agent stops is not well from now on, however lately it was.
    if (memberId !== undefined) this.#wellMs.delete(memberId);
    this.#stopping.add(node);
  }

  #mayChange(node: string, what: string): void {
    const cluster = this.#cluster!;
    const truth = this.#truths.get(cluster.host(node).spec()?.cluster.clusterId ?? '');
    if (truth === undefined) return;
    const lostMs = cluster.clock.nowMs - truth.quorumMs;
    if (lostMs > lossKnownMs && !this.#hasQuorum(truth))
      this.#breach('I7', `${node} ${what} though the quorum has been lost for ${Math.round(lostMs)} ms`);
  }

  #onFile(node: string, { kind, path, to }: Extract<AgentAction, { kind: 'file' }>['change']): void {
    const cluster = this.#cluster!;
    const { dataDir } = cluster;
    const { disk, operates } = cluster.host(node);
    // Whose data an operation moves is for its own invariants, and what it was making may begin anew.
    if (operates && (kind === 'move' || path.startsWith(`${dataDir}/.restore-`))) return;
    if (kind === 'move' && (path === dataDir || path.startsWith(`${dataDir}/`)) && to !== undefined) {
      this.#act(node, 'quarantine');
      this.#mayChange(node, 'moves its data aside');
    }
    if (kind !== 'removeTree') return;
    const under = disk
      .members()
      .filter((member) => member.path === path || member.path.startsWith(`${path}/`));
    if (under.length === 0) return;
    this.#act(node, `delete ${path}`);
    const id = disk.member(dataDir)?.memberId;
    const verified = id !== undefined && this.#truthOf(id)?.members.get(id)?.role === 'voter';
    if (path === dataDir || path.startsWith(`${dataDir}/member`))
      this.#breach('I5', `${node} deletes ${path}`);
    else if (!verified) this.#breach('I5', `${node} deletes ${path} and is no verified voter`);
    const kept = disk
      .members()
      .filter(({ path: at }) => at.includes('quarantine') && !this.#operations!.isOfOperation(at))
      .map((member) => member.path)
      .sort();
    const newest = kept.at(-1);
    if (newest !== undefined && (newest === path || newest.startsWith(`${path}/`)))
      this.#breach('I5', `${node} deletes its newest quarantine ${path}`);
  }

  /**
   * A disk that was rolled back may start only where no agent that answers remembers where the member was, and after those that could
   * were waited for.
   */
  #startsBehind(node: string, id: MemberId): void {
    const cluster = this.#cluster;
    const disk = cluster?.etcd.disk(node);
    if (cluster === undefined || disk === undefined) return;
    const { index } = lastOf(disk);
    const starts = `${node} starts ${id} at index ${index}`;
    const knower = this.#knowledge!.knower(node, id, index);
    if (knower !== undefined) {
      this.#breach('I4', `${starts}, and ${knower.peer} has seen it at ${knower.at}`);
      return;
    }
    const truth = this.#truthOf(id);
    const noQuorum = truth !== undefined && cluster.clock.nowMs - truth.quorumMs > lossKnownMs;
    const unheard = noQuorum ? this.#knowledge!.unheardMs(node) : undefined;
    const forMs = Math.min(unheard?.forMs ?? 0, unheard?.oneForMs ?? 0);
    if (unheard === undefined || unheard.forMs >= unaskedMsMin || forMs >= someUnaskedMsMin)
      cluster.log.add('behind', `${starts}, and nobody who answers knows better`);
    else
      this.#breach(
        'I4',
        `${starts}, ${Math.round(unheard.forMs)} ms after it heard enough other agents, ${Math.round(unheard.oneForMs)} ms after it heard one`,
      );
  }

  #act(node: string, what: string): void {
    this.acts.push({ node, atMs: this.#cluster!.clock.nowMs, what });
    this.#cluster!.log.add(node, `does ${what}`);
  }

  /** Anything that is found outside of here. */
  note(invariant: Breach['invariant'], what: string): void {
    this.#breach(invariant, what);
  }

  #breach(invariant: Breach['invariant'], what: string): void {
    const atMs = this.#cluster?.clock.nowMs ?? 0;
    this.breaches.push({ invariant, atMs, what });
    this.#cluster?.log.add('BREACH', `${invariant} ${what}`);
  }
}

function votersOf({ members }: ClusterTruth): readonly MemberTruth[] {
  return [...members.values()].filter(({ role }) => role === 'voter');
}
