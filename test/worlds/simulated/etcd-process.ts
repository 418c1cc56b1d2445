/**
 * One simulated etcd process: how it finds out who it is when it starts, whom its messages reach, what it waits for on
 * behalf of its clients, and how it ends. Raft itself is in etcd-raft.ts, what clients see in etcd-admin.ts.
 */
import type { MemberId } from '@etcd-agent/etcd';
import type { ExitCause } from '@etcd-agent/platform';
import type { Outcome } from './etcd-apply.js';
import type { Command, EtcdDisk, LogEntry, MemberRow } from './etcd-disk.js';
import { type Birth, joinedDisk } from './etcd-join.js';
import type { EtcdCallbacks, EtcdConf, EtcdProcess } from './etcd-model.js';
import { Raft, type RaftMessage } from './etcd-raft.js';
import type { EtcdWorld } from './etcd-world.js';

/** How long a start takes before etcd reads its disk, and until its ports are open, in milliseconds. */
const loadMsMin = 60;
const loadMsMax = 350;
const openMsMin = 40;
const openMsMax = 250;
/** Messages that a stopped process finds when it goes on; those beyond are lost. */
const heldMax = 200;
/** How often a read that has not been confirmed is asked for again. */
const readRetryMs = 500;
/** How often a member says its name again that has not heard of it. */
const publishRetryMs = 7_000;
/** How long a removed member goes on once it has applied its own removal. */
const farewellMs = 1_000;

export class SimEtcd implements EtcdProcess {
  #state: 'loading' | 'running' | 'ended' = 'loading';
  #hangingSinceMs: number | undefined;
  #held: (() => void)[] = [];
  #raft: Raft | undefined;
  #disk: EtcdDisk | undefined;
  /** The list it joined with, until it has applied one of its own. */
  #joinList: readonly MemberRow[] = [];
  #ready = false;
  #stopping: (() => void)[] | undefined;
  /** Clients whose connections break when the process ends. */
  readonly connections = new Set<() => void>();
  readonly #proposals = new Map<string, (outcome: Outcome) => void>();
  readonly #queued = new Map<string, { readonly command: Command; readonly untilMs: number }>();
  readonly #reads = new Map<string, Read>();
  readonly #untilReady: (() => void)[] = [];
  /** Since when it has been connected to which member, and when it last was. */
  readonly links = new Map<MemberId, { sinceMs: number; lastMs: number }>();

  constructor(
    readonly world: EtcdWorld,
    readonly node: string,
    readonly pid: number,
    readonly conf: EtcdConf,
    private readonly callbacks: EtcdCallbacks,
  ) {
    const { clock, chance } = world;
    clock.after(chance.between(loadMsMin, loadMsMax), () => this.whenActive(() => this.#load()));
  }

  get running(): boolean {
    return this.#state !== 'ended';
  }

  /** Its peer port is open and it acts. */
  get active(): boolean {
    return this.#state === 'running' && this.#hangingSinceMs === undefined;
  }

  get ready(): boolean {
    return this.#ready && this.#state === 'running';
  }

  get raft(): Raft | undefined {
    return this.#state === 'running' ? this.#raft : undefined;
  }

  get disk(): EtcdDisk | undefined {
    return this.#disk;
  }

  /** The members as it would tell a peer: what it has applied, or what it joined with. */
  get members(): readonly MemberRow[] {
    const applied = this.#disk?.applied.members ?? [];
    return applied.length > 0 ? applied : this.#joinList;
  }

  hasWal(): boolean {
    return this.world.diskOf(this.node) !== undefined;
  }

  kill(): void {
    this.end({ kind: 'signalled', signal: 'SIGKILL' }, '');
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'ended') return resolve();
      this.#stopping?.push(resolve);
      if (this.#stopping !== undefined) return;
      this.#stopping = [resolve];
      this.whenActive(() => this.#leave());
    });
  }

  hang(hanging: boolean): void {
    const { nowMs } = this.world.clock;
    if (hanging) {
      this.#hangingSinceMs ??= nowMs;
      return;
    }
    if (this.#hangingSinceMs === undefined) return;
    this.#raft?.shift(nowMs - this.#hangingSinceMs);
    this.#hangingSinceMs = undefined;
    const held = this.#held;
    this.#held = [];
    for (const act of held) this.whenActive(act);
  }

  /** Runs `act` now, when the process goes on, or never. */
  whenActive(act: () => void): void {
    if (this.#state === 'ended') return;
    if (this.#hangingSinceMs === undefined) act();
    else if (this.#held.length < heldMax) this.#held.push(act);
  }

  /** Runs `act` as soon as the client port answers. */
  whenReady(act: () => void): void {
    if (this.#ready) this.whenActive(act);
    else this.#untilReady.push(act);
  }

  /**
   * Puts a command before the leader, as soon as there is one, but not after `untilMs`; `told` hears what became of it,
   * if ever.
   */
  propose(command: Command, untilMs: number, told: (outcome: Outcome) => void): void {
    const request = this.world.newRequest();
    this.#proposals.set(request, told);
    this.#queued.set(request, { command, untilMs });
    this.#flush();
  }

  /** Calls `then` when everything has been applied here that was committed at the time of the call, if ever by `untilMs`. */
  readIndex(untilMs: number, then: (outcome: 'read' | 'leaderChanged') => void): void {
    const request = this.world.newRequest();
    this.#reads.set(request, { index: undefined, untilMs, then });
    this.#askForRead(request);
  }

  receive(from: SimEtcd, message: RaftMessage | ReadMessage): void {
    const raft = this.raft;
    if (raft === undefined || from.disk === undefined) return;
    if (raft.disk.applied.removed.includes(from.disk.memberId)) return;
    switch (message.kind) {
      case 'read':
        this.#confirmRead(from, message.request);
        return;
      case 'readable':
        this.#onReadable(message.request, message.index);
        return;
      default:
        raft.receive(from.disk.memberId, message);
    }
  }

  /** Its peers have told it that it is no member any more. */
  learnRemoved(): void {
    if (!this.active) return;
    const { rules, chance } = this.world;
    const fails = !this.#ready && rules.removedStartMayFail && chance.happens(0.5);
    if (fails) this.end({ kind: 'exited', code: 1 }, `${removedWords}\n${startFailedWords}`);
    else this.end({ kind: 'exited', code: 0 }, removedWords);
  }

  end(cause: ExitCause, lastWords: string): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#held = [];
    this.#raft?.end();
    this.world.ended(this);
    for (const broken of this.connections) broken();
    this.world.clock.at(this.world.clock.nowMs, () => {
      for (const resolve of this.#stopping ?? []) resolve();
      this.callbacks.onEnd(cause, lastWords);
    });
  }

  #load(): void {
    const birth: Birth = joinedDisk(this.world, this.node, this.conf);
    if (birth.kind === 'refused') {
      this.end({ kind: 'exited', code: birth.exitCode }, birth.lastWords);
      return;
    }
    const { disk } = birth;
    this.world.starting(this, disk, birth.kind === 'fresh');
    this.#disk = disk;
    if (birth.kind === 'fresh') {
      this.#joinList = birth.list;
      this.world.setDisk(this.node, disk);
      this.callbacks.onWal?.(disk);
    }
    const { clock, chance } = this.world;
    clock.quietlyAfter(chance.between(openMsMin, openMsMax), () => this.whenActive(() => this.#open(disk)));
  }

  #open(disk: EtcdDisk): void {
    this.#state = 'running';
    const { clock, chance, rules, observer } = this.world;
    this.#raft = new Raft(disk, {
      clock,
      chance,
      heartbeatMs: this.conf.heartbeatInterval,
      electionMs: this.conf.electionTimeout,
      preVote: rules.preVote,
      active: () => this.active,
      send: (to, message) => this.#send(to, message),
      peer: (id) => this.#peerRaft(id),
      applied: (entry, outcome) => this.#onApplied(entry, outcome),
      committed: (entry) => this.world.committed(disk.clusterId, entry),
      voted: (term, candidate) => observer?.voted?.({ voter: disk.memberId, term, candidate }),
      leaderChanged: () => this.#onLeaderChanged(),
      panic: (words) => this.end({ kind: 'exited', code: 2 }, `panic: ${words}`),
    });
    this.#publish(disk);
  }

  /** etcd serves clients only once the cluster has taken note of its name and URLs. */
  #publish(disk: EtcdDisk): void {
    if (this.#ready || !this.running) return;
    const { name, advertiseClientURLs: clientURLs } = this.conf;
    const untilMs = this.world.clock.nowMs + publishRetryMs;
    this.propose({ kind: 'publish', memberId: disk.memberId, name, clientURLs }, untilMs, () => {
      if (this.#ready) return;
      this.#ready = true;
      for (const act of this.#untilReady.splice(0)) this.whenActive(act);
    });
    this.world.clock.quietlyAfter(publishRetryMs, () => this.#publish(disk));
  }

  /** SIGTERM: a leader hands over before it goes. */
  #leave(): void {
    const { clock, chance } = this.world;
    const raft = this.raft;
    if (raft?.role === 'leader') {
      const heir = raft.members.find(
        ({ id, role }) => role === 'voter' && id !== raft.id && this.#peerRaft(id) !== undefined,
      );
      if (heir !== undefined) raft.transferTo(heir.id);
    }
    clock.quietlyAfter(chance.between(30, 200), () =>
      this.end({ kind: 'signalled', signal: 'SIGTERM' }, 'received signal; shutting down: terminated'),
    );
  }

  #peerRaft(id: MemberId): Raft | undefined {
    const peer = this.world.memberProcess(this, id);
    if (peer?.active !== true || !this.world.network.reachBothWays(this.node, peer.node)) return undefined;
    return peer.raft?.disk.applied.removed.includes(this.#disk!.memberId) === true ? undefined : peer.raft;
  }

  #send(to: MemberId, message: RaftMessage | ReadMessage): void {
    const { network, clock } = this.world;
    const peer = this.running ? this.world.memberProcess(this, to) : undefined;
    if (peer === undefined || !network.reach(this.node, peer.node)) return;
    clock.quietlyAfter(network.delayMs(this.node, peer.node), () => {
      if (network.reach(this.node, peer.node)) peer.whenActive(() => peer.receive(this, message));
    });
  }

  #onApplied(entry: LogEntry, outcome: Outcome): void {
    const { command, request } = entry;
    if (command.kind === 'remove' && outcome.kind === 'done') {
      this.links.delete(command.memberId);
      if (command.memberId === this.#disk!.memberId)
        this.world.clock.quietlyAfter(farewellMs, () => this.learnRemoved());
    }
    if (request !== undefined) {
      const told = this.#proposals.get(request);
      this.#proposals.delete(request);
      told?.(outcome);
    }
    for (const [key, read] of this.#reads) this.#finishRead(key, read);
  }

  #onLeaderChanged(): void {
    // Told while raft is in the middle of something: acts a moment later.
    this.world.clock.quietlyAfter(0, () => {
      if (!this.active) return;
      if (this.world.rules.tellsLeaderChange) {
        for (const [key, { index, then }] of this.#reads) {
          if (index !== undefined) continue;
          this.#reads.delete(key);
          then('leaderChanged');
        }
      }
      this.#flush();
    });
  }

  /** Hands over what waits for a leader. What is lost on the way stays lost. */
  #flush(): void {
    const raft = this.raft;
    if (raft?.leader === undefined) return;
    const queued = [...this.#queued];
    this.#queued.clear();
    for (const [request, { command, untilMs }] of queued) {
      if (this.world.clock.nowMs > untilMs) continue;
      if (raft.role === 'leader') raft.propose(command, request);
      else this.#send(raft.leader, { kind: 'propose', command, request });
    }
  }

  #askForRead(request: string): void {
    const read = this.#reads.get(request);
    if (read === undefined || read.index !== undefined || !this.running) return;
    if (this.world.clock.nowMs > read.untilMs) {
      this.#reads.delete(request);
      return;
    }
    const raft = this.raft;
    if (raft?.role === 'leader') this.#confirmRead(this, request);
    else if (raft?.leader !== undefined) this.#send(raft.leader, { kind: 'read', request });
    if (this.#reads.has(request))
      this.world.clock.quietlyAfter(readRetryMs, () => this.whenActive(() => this.#askForRead(request)));
  }

  /** The leader's part: what is committed now is told once a quorum is known to follow at this moment. */
  #confirmRead(asker: SimEtcd, request: string): void {
    const raft = this.raft;
    if (raft === undefined || !raft.leaderIsSettled || !raft.quorumFollows()) return;
    const index = raft.disk.hardState.commit;
    if (asker === this) this.#onReadable(request, index);
    else this.#send(asker.disk!.memberId, { kind: 'readable', request, index });
  }

  #onReadable(request: string, index: number): void {
    const read = this.#reads.get(request);
    if (read === undefined) return;
    read.index = index;
    this.#finishRead(request, read);
  }

  #finishRead(request: string, { index, then }: Read): void {
    if (index === undefined || this.#disk!.applied.index < index) return;
    this.#reads.delete(request);
    then('read');
  }
}

interface Read {
  index: number | undefined;
  readonly untilMs: number;
  readonly then: (outcome: 'read' | 'leaderChanged') => void;
}

/** How a follower learns from its leader what it must have applied before it answers a linearizable read. */
type ReadMessage =
  | { readonly kind: 'read'; readonly request: string }
  | { readonly kind: 'readable'; readonly request: string; readonly index: number };

const startFailedWords = '{"level":"fatal","msg":"listener failed","error":"server is stopping"}';
const removedWords =
  '{"level":"warn","msg":"server error","error":"the member has been permanently removed from the cluster"}';
