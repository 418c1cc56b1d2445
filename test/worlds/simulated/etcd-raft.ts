/**
 * Raft as etcd runs it, for one simulated process: terms and votes, replication, commitment, leadership. Reduced, but
 * sound about what matters here: every vote and every entry is on some member's own disk, and forgetting it there has the
 * consequences that it has in etcd. What leaders remember of the others' logs is in memory only, as in etcd, so that a
 * member whose log has become shorter panics under the same leader and joins unnoticed under the next.
 *
 * Time passes cheaply: where leader and follower see each other and agree, a heartbeat is a note in both of them, without
 * a message. How messages travel is for the process to know (etcd-process.ts).
 */
import { type MemberId, quorum } from '@etcd-agent/etcd';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import { apply, changesMembers, type Outcome } from './etcd-apply.js';
import { type Command, type EtcdDisk, type LogEntry, lastOf, type MemberRow } from './etcd-disk.js';

export type RaftMessage =
  | {
      readonly kind: 'vote';
      readonly term: number;
      readonly pre: boolean;
      /** The old leader asked for it: nobody needs to be loyal to it. */
      readonly transfer: boolean;
      readonly last: { readonly index: number; readonly term: number };
    }
  | { readonly kind: 'voteReply'; readonly term: number; readonly pre: boolean; readonly granted: boolean }
  | {
      readonly kind: 'append';
      readonly term: number;
      readonly previous: { readonly index: number; readonly term: number };
      readonly entries: readonly LogEntry[];
      readonly commit: number;
    }
  | { readonly kind: 'accepted'; readonly term: number; readonly match: number }
  | { readonly kind: 'rejected'; readonly term: number; readonly previous: number; readonly last: number }
  | { readonly kind: 'heartbeat'; readonly term: number; readonly commit: number }
  | { readonly kind: 'heartbeatReply'; readonly term: number }
  /** Tells at once what has been committed; nobody waits for an answer. */
  | { readonly kind: 'committed'; readonly term: number; readonly commit: number }
  | { readonly kind: 'leadNow'; readonly term: number }
  | { readonly kind: 'propose'; readonly command: Command; readonly request: string };

/** What raft needs of the process around it. */
export interface RaftOutside {
  readonly clock: SimClock;
  readonly chance: SimChance;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly preVote: boolean;
  /** Whether it can act at this moment: it runs, and is not stopped. */
  active(): boolean;
  send(to: MemberId, message: RaftMessage): void;
  /** The other one's raft, where messages pass both ways at this moment and it is active. */
  peer(id: MemberId): Raft | undefined;
  applied(entry: LogEntry, outcome: Outcome): void;
  committed(entry: LogEntry): void;
  voted(term: number, candidate: MemberId): void;
  leaderChanged(): void;
  /** raft found that its log cannot be: the process ends. */
  panic(words: string): void;
}

/** What the leader knows of one member's log. */
interface Progress {
  match: number;
  next: number;
  /** Whether it is still looking for where the logs agree. */
  probing: boolean;
  /** When the append was sent that has not been answered. */
  sentAtMs: number | undefined;
  heardAtMs: number;
}

export class Raft {
  role: 'follower' | 'candidate' | 'leader' = 'follower';
  leader: MemberId | undefined;
  readonly progress = new Map<MemberId, Progress>();
  #heardAtMs: number;
  #timeoutMs: number;
  #votes: { readonly pre: boolean; readonly term: number; readonly from: Set<MemberId> } | undefined;
  #changePending = 0;
  #transfer: MemberId | undefined;
  readonly #leases = new Map<string, number>();
  #ended = false;
  #votersOf: readonly MemberRow[] | undefined;
  #voterIds: readonly MemberId[] = [];

  constructor(
    readonly disk: EtcdDisk,
    private readonly outside: RaftOutside,
  ) {
    const { clock, chance, electionMs } = outside;
    // etcd shortens its first wait, so that a cluster that starts has a leader soon.
    this.#heardAtMs = clock.nowMs - electionMs / 2;
    this.#timeoutMs = electionMs * chance.between(1, 2);
    this.#applyCommitted();
    this.#armElection();
  }

  get id(): MemberId {
    return this.disk.memberId;
  }

  get term(): number {
    return this.disk.hardState.term;
  }

  get members(): readonly MemberRow[] {
    return this.disk.applied.members;
  }

  /** The leader has committed something of its own term, so that it knows what was committed before. */
  get leaderIsSettled(): boolean {
    return this.role === 'leader' && this.#termAt(this.disk.hardState.commit) === this.term;
  }

  /** Whether a quorum follows this leader at this very moment. */
  quorumFollows(): boolean {
    const followers = this.#voters().filter((id) => {
      if (id === this.id) return true;
      const peer = this.outside.peer(id);
      return peer !== undefined && peer.term === this.term && peer.leader === this.id;
    });
    return followers.length >= quorum(this.#voters().length);
  }

  /** A stop (SIGSTOP) that lasted so long: no time has passed for this process. */
  shift(ms: number): void {
    this.#heardAtMs += ms;
    for (const progress of this.progress.values()) progress.heardAtMs += ms;
  }

  /** Adds the command to the log; without effect where this is not the leader, or must not change the members now. */
  propose(command: Command, request?: string): void {
    if (this.role !== 'leader') return;
    const change = changesMembers(command);
    if (change && this.#changePending > this.disk.applied.index) return;
    this.#append(command, request);
    if (change) this.#changePending = lastOf(this.disk).index;
    this.#advanceCommit();
    for (const id of this.progress.keys()) this.#sendAppend(id);
  }

  /** The leader hands over, as soon as the other has the whole log. */
  transferTo(id: MemberId): void {
    this.#transfer = id;
    this.#finishTransfer(id);
  }

  receive(from: MemberId, message: RaftMessage): void {
    switch (message.kind) {
      case 'vote':
        this.#onVote(from, message);
        return;
      case 'voteReply':
        this.#onVoteReply(from, message);
        return;
      case 'append':
        this.#onAppend(from, message);
        return;
      case 'accepted':
      case 'rejected':
      case 'heartbeatReply':
        this.#onReply(from, message);
        return;
      case 'heartbeat':
        if (this.#follow(from, message.term)) {
          this.#commitTo(message.commit);
          this.outside.send(from, { kind: 'heartbeatReply', term: this.term });
        }
        return;
      case 'committed':
        if (this.#follow(from, message.term)) this.#commitTo(message.commit);
        return;
      case 'leadNow':
        if (message.term === this.term) this.#campaign('onRequest');
        return;
      case 'propose':
        this.propose(message.command, message.request);
        return;
    }
  }

  // Elections.

  #armElection(): void {
    const { clock } = this.outside;
    const waitMs = Math.max(this.#heardAtMs + this.#timeoutMs - clock.nowMs, 1);
    clock.quietlyAfter(waitMs, () => this.#onElectionTimer());
  }

  #onElectionTimer(): void {
    const { clock, electionMs, heartbeatMs } = this.outside;
    if (this.#ended) return;
    if (!this.outside.active()) {
      clock.quietlyAfter(heartbeatMs, () => this.#onElectionTimer());
      return;
    }
    if (this.role === 'leader') {
      if (!this.#quorumHeard()) this.#becomeFollower(this.term, undefined);
      this.#heardAtMs = clock.nowMs;
      this.#timeoutMs = electionMs;
    } else if (clock.nowMs - this.#heardAtMs >= this.#timeoutMs - 0.5) {
      this.#restartTimeout();
      this.#campaign(this.outside.preVote ? 'askFirst' : 'inEarnest');
    }
    this.#armElection();
  }

  /** The process is gone: nothing happens here any more. */
  end(): void {
    this.#ended = true;
  }

  #restartTimeout(): void {
    this.#heardAtMs = this.outside.clock.nowMs;
    this.#timeoutMs = this.outside.electionMs * this.outside.chance.between(1, 2);
  }

  #campaign(how: 'askFirst' | 'inEarnest' | 'onRequest'): void {
    const voters = this.#voters();
    if (!voters.includes(this.id)) return;
    this.#setLeader(undefined);
    this.role = 'candidate';
    const { hardState } = this.disk;
    const pre = how === 'askFirst';
    if (!pre) {
      hardState.term += 1;
      hardState.vote = this.id;
      this.outside.voted(this.term, this.id);
    }
    const term = pre ? this.term + 1 : this.term;
    this.#votes = { pre, term, from: new Set([this.id]) };
    const { index, term: lastTerm } = lastOf(this.disk);
    const transfer = how === 'onRequest';
    const request: RaftMessage = { kind: 'vote', term, pre, transfer, last: { index, term: lastTerm } };
    for (const id of voters) if (id !== this.id) this.outside.send(id, request);
    this.#countVotes();
  }

  #onVote(from: MemberId, { term, pre, transfer, last }: RaftMessage & { readonly kind: 'vote' }): void {
    const { clock, electionMs } = this.outside;
    const loyal =
      this.role === 'leader' || (this.leader !== undefined && clock.nowMs - this.#heardAtMs < electionMs);
    if (term > this.term && loyal && !transfer) return;
    if (term > this.term && !pre) this.#becomeFollower(term, undefined);
    const own = lastOf(this.disk);
    const upToDate = last.term > own.term || (last.term === own.term && last.index >= own.index);
    const { vote } = this.disk.hardState;
    const free =
      vote === from || (vote === undefined && this.leader === undefined) || (pre && term > this.term);
    const granted = upToDate && free && term >= this.term;
    if (granted && !pre) {
      if (vote === undefined) this.outside.voted(term, from);
      this.disk.hardState.vote = from;
      this.#restartTimeout();
    }
    this.outside.send(from, { kind: 'voteReply', term: granted ? term : this.term, pre, granted });
  }

  #onVoteReply(from: MemberId, reply: RaftMessage & { readonly kind: 'voteReply' }): void {
    if (reply.term > this.term && !(reply.pre && reply.granted)) {
      this.#becomeFollower(reply.term, undefined);
      return;
    }
    const votes = this.#votes;
    if (votes === undefined || votes.pre !== reply.pre || votes.term !== reply.term || !reply.granted) return;
    votes.from.add(from);
    this.#countVotes();
  }

  #countVotes(): void {
    const votes = this.#votes;
    if (votes === undefined || this.role !== 'candidate') return;
    const voters = this.#voters();
    if (voters.filter((id) => votes.from.has(id)).length < quorum(voters.length)) return;
    if (votes.pre) this.#campaign('inEarnest');
    else this.#lead();
  }

  #lead(): void {
    const { clock, heartbeatMs, electionMs } = this.outside;
    this.#votes = undefined;
    this.role = 'leader';
    this.#transfer = undefined;
    this.progress.clear();
    for (const { id } of this.members) this.#track(id, lastOf(this.disk).index + 1);
    for (const [lease, { ttlMs }] of this.disk.applied.leases)
      this.#leases.set(lease, clock.nowMs + ttlMs + electionMs);
    this.#changePending = lastOf(this.disk).index;
    this.#heardAtMs = clock.nowMs;
    this.#timeoutMs = electionMs;
    this.#setLeader(this.id);
    this.propose({ kind: 'nothing' });
    const { term } = this;
    clock.quietlyAfter(heartbeatMs, () => this.#tick(term));
  }

  #becomeFollower(term: number, leader: MemberId | undefined): void {
    const { hardState } = this.disk;
    if (term > hardState.term) {
      hardState.term = term;
      hardState.vote = undefined;
    }
    this.role = 'follower';
    this.#votes = undefined;
    this.#leases.clear();
    this.#setLeader(leader);
  }

  #setLeader(leader: MemberId | undefined): void {
    if (this.leader === leader) return;
    this.leader = leader;
    this.outside.leaderChanged();
  }

  // The leader's side.

  #tick(term: number): void {
    if (this.#ended || this.role !== 'leader' || this.term !== term) return;
    const { clock, heartbeatMs } = this.outside;
    if (this.outside.active()) {
      this.#expireLeases();
      for (const id of [...this.progress.keys()]) if (id !== this.id) this.#heartbeat(id);
    }
    clock.quietlyAfter(heartbeatMs, () => this.#tick(term));
  }

  #heartbeat(id: MemberId): void {
    const progress = this.progress.get(id);
    if (progress === undefined) return;
    const commit = Math.min(progress.match, this.disk.hardState.commit);
    const peer = this.outside.peer(id);
    if (peer === undefined || !peer.#hears(this, commit)) {
      this.outside.send(id, { kind: 'heartbeat', term: this.term, commit });
      return;
    }
    progress.heardAtMs = this.outside.clock.nowMs;
    this.#catchUp(id, progress);
  }

  /** A heartbeat at once, where it changes nothing but the time; false where it takes a message. */
  #hears(leader: Raft, commit: number): boolean {
    if (this.term !== leader.term || this.leader !== leader.id) return false;
    if (commit > this.disk.hardState.commit) return false;
    this.#heardAtMs = this.outside.clock.nowMs;
    return true;
  }

  /** Sends what is missing, unless an answer may still come. */
  #catchUp(id: MemberId, progress: Progress): void {
    if (progress.match === lastOf(this.disk).index) return;
    const lost =
      progress.sentAtMs === undefined ||
      this.outside.clock.nowMs - progress.sentAtMs > 2 * this.outside.heartbeatMs;
    if (lost) progress.sentAtMs = undefined;
    this.#sendAppend(id);
  }

  #sendAppend(id: MemberId): void {
    const progress = this.progress.get(id);
    if (progress === undefined || id === this.id || progress.sentAtMs !== undefined) return;
    const index = progress.next - 1;
    progress.sentAtMs = this.outside.clock.nowMs;
    this.outside.send(id, {
      kind: 'append',
      term: this.term,
      previous: { index, term: this.#termAt(index) },
      entries: this.disk.log.slice(index, index + entriesPerMessageMax),
      commit: this.disk.hardState.commit,
    });
  }

  #onReply(
    from: MemberId,
    reply: RaftMessage & { readonly kind: 'accepted' | 'rejected' | 'heartbeatReply' },
  ) {
    if (reply.term > this.term) {
      this.#becomeFollower(reply.term, undefined);
      return;
    }
    const progress = this.progress.get(from);
    if (this.role !== 'leader' || reply.term < this.term || progress === undefined) return;
    progress.heardAtMs = this.outside.clock.nowMs;
    if (reply.kind === 'heartbeatReply') {
      this.#catchUp(from, progress);
      return;
    }
    progress.sentAtMs = undefined;
    if (reply.kind === 'rejected') this.#onRejection(progress, reply);
    else if (reply.match > progress.match || progress.probing) this.#onProgress(progress, reply.match);
    if (this.#transfer === from) this.#finishTransfer(from);
    if (progress.next <= lastOf(this.disk).index) this.#sendAppend(from);
  }

  #onProgress(progress: Progress, match: number): void {
    progress.probing = false;
    progress.match = Math.max(progress.match, match);
    progress.next = progress.match + 1;
    this.#advanceCommit();
  }

  /** What contradicts an earlier acceptance is taken for an old answer. This is why a log that shrank is not noticed here. */
  #onRejection(progress: Progress, { previous, last }: RaftMessage & { readonly kind: 'rejected' }): void {
    if (progress.probing) {
      if (progress.next - 1 === previous) progress.next = Math.max(1, Math.min(previous, last + 1));
    } else if (previous > progress.match) {
      progress.probing = true;
      progress.next = progress.match + 1;
    } else {
      // Nothing more is sent until the next heartbeat.
      progress.sentAtMs = this.outside.clock.nowMs;
    }
  }

  #advanceCommit(): void {
    const voters = this.#voters();
    if (voters.length === 0) return;
    const matches = voters.map((id) => this.progress.get(id)?.match ?? 0).sort((a, b) => b - a);
    const agreed = matches[quorum(voters.length) - 1]!;
    const { hardState, log } = this.disk;
    if (agreed <= hardState.commit || this.#termAt(agreed) !== this.term) return;
    for (let at = hardState.commit; at < agreed; at++) this.outside.committed(log[at]!);
    hardState.commit = agreed;
    this.#applyCommitted();
    for (const [id, { match }] of this.progress) {
      const commit = Math.min(match, agreed);
      if (id !== this.id && commit > 0) this.outside.send(id, { kind: 'committed', term: this.term, commit });
    }
    // A removal may have made the quorum smaller.
    if (this.role === 'leader') this.#advanceCommit();
  }

  #finishTransfer(id: MemberId): void {
    if (this.progress.get(id)?.match === lastOf(this.disk).index) {
      this.#transfer = undefined;
      this.outside.send(id, { kind: 'leadNow', term: this.term });
    } else this.#sendAppend(id);
  }

  #quorumHeard(): boolean {
    const { clock, electionMs } = this.outside;
    const heard = this.#voters().filter(
      (id) => id === this.id || clock.nowMs - (this.progress.get(id)?.heardAtMs ?? 0) <= electionMs,
    );
    return heard.length >= quorum(this.#voters().length || 1);
  }

  #expireLeases(): void {
    if (this.#leases.size === 0) return;
    const { nowMs } = this.outside.clock;
    for (const [lease, endsAtMs] of this.#leases) {
      if (endsAtMs > nowMs) continue;
      this.#leases.set(lease, nowMs + leaseRetryMs);
      this.propose({ kind: 'revoke', lease });
    }
  }

  #track(id: MemberId, next: number): void {
    const match = id === this.id ? next - 1 : 0;
    this.progress.set(id, {
      match,
      next,
      probing: true,
      sentAtMs: undefined,
      heardAtMs: this.outside.clock.nowMs,
    });
  }

  #append(command: Command, request: string | undefined): void {
    const index = lastOf(this.disk).index + 1;
    const entry = { term: this.term, index, command };
    this.disk.log.push(request === undefined ? entry : { ...entry, request });
    const own = this.progress.get(this.id);
    if (own !== undefined) Object.assign(own, { match: index, next: index + 1 });
  }

  // The follower's side.

  /** Takes `from` for the leader, unless its term is over. */
  #follow(from: MemberId, term: number): boolean {
    if (term < this.term) {
      // A newer term makes it give up.
      this.outside.send(from, { kind: 'heartbeatReply', term: this.term });
      return false;
    }
    if (term > this.term || this.role !== 'follower' || this.leader !== from)
      this.#becomeFollower(term, from);
    this.#heardAtMs = this.outside.clock.nowMs;
    return true;
  }

  #onAppend(from: MemberId, message: RaftMessage & { readonly kind: 'append' }): void {
    const { previous, entries, term } = message;
    if (!this.#follow(from, term)) return;
    const { disk } = this;
    if (previous.index < disk.hardState.commit) {
      this.outside.send(from, { kind: 'accepted', term, match: disk.hardState.commit });
      return;
    }
    const last = lastOf(disk).index;
    if (previous.index > last || this.#termAt(previous.index) !== previous.term) {
      this.outside.send(from, { kind: 'rejected', term, previous: previous.index, last });
      return;
    }
    for (const entry of entries) {
      if (this.#termAt(entry.index) === entry.term) continue;
      if (entry.index <= disk.hardState.commit) {
        this.outside.panic(`entry ${entry.index} conflict with committed entry`);
        return;
      }
      disk.log.length = entry.index - 1;
      disk.log.push(entry);
    }
    const match = previous.index + entries.length;
    this.#commitTo(Math.min(message.commit, match));
    this.outside.send(from, { kind: 'accepted', term, match });
  }

  #commitTo(commit: number): void {
    const { hardState } = this.disk;
    if (commit <= hardState.commit) return;
    const last = lastOf(this.disk).index;
    if (commit > last) {
      this.outside.panic(
        `tocommit(${commit}) is out of range [lastIndex(${last})]. Was the raft log corrupted, truncated, or lost?`,
      );
      return;
    }
    hardState.commit = commit;
    this.#applyCommitted();
  }

  #applyCommitted(): void {
    const { log, applied, hardState } = this.disk;
    while (applied.index < hardState.commit) {
      const entry = log[applied.index]!;
      const outcome = apply(applied, entry.command);
      applied.index = entry.index;
      if (this.role === 'leader') this.#onAppliedAsLeader(entry, outcome);
      this.outside.applied(entry, outcome);
    }
  }

  #onAppliedAsLeader({ command }: LogEntry, outcome: Outcome): void {
    if (outcome.kind !== 'done') return;
    if (command.kind === 'add') this.#track(command.member.id, lastOf(this.disk).index + 1);
    if (command.kind === 'remove') this.progress.delete(command.memberId);
    if (command.kind === 'lock') this.#leases.set(command.lease, this.outside.clock.nowMs + command.ttlMs);
    if (command.kind === 'revoke') this.#leases.delete(command.lease);
  }

  /** Computed once for each list: it is asked for with every message. */
  #voters(): readonly MemberId[] {
    const { members } = this;
    if (this.#votersOf !== members) {
      this.#votersOf = members;
      this.#voterIds = members.filter(({ role }) => role === 'voter').map(({ id }) => id);
    }
    return this.#voterIds;
  }

  #termAt(index: number): number {
    return this.disk.log[index - 1]?.term ?? 0;
  }
}

const entriesPerMessageMax = 1_000;
const leaseRetryMs = 500;
