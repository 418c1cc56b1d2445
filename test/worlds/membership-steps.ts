/**
 * What is done to the membership of a cluster, as steps that can be carried out on real etcds and on simulated ones, and
 * what each of them shows. Two worlds that show the same for the same steps have the same rules.
 */
import type { EtcdAdmin, InitialMember, Member, MemberId } from '@etcd-agent/etcd';

export type Step =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'add'; readonly through: string; readonly node: string; readonly role: Member['role'] }
  | { readonly kind: 'remove'; readonly through: string; readonly node: string }
  | { readonly kind: 'promote'; readonly through: string; readonly node: string }
  | { readonly kind: 'kill'; readonly node: string }
  /** Killed, and its data dir is gone. */
  | { readonly kind: 'wipe'; readonly node: string }
  /** Started on what it has, with the list that the last add of it returned; waits until it serves or has ended. */
  | { readonly kind: 'start'; readonly node: string }
  | { readonly kind: 'list'; readonly through: string }
  | { readonly kind: 'read'; readonly through: string };

type Change = Extract<Step, { readonly kind: 'add' | 'remove' | 'promote' }>;

/** Where steps are carried out. Nodes are known by name, whether they have run or not. */
export interface MembershipWorld {
  admin(node: string): EtcdAdmin;
  peerURL(node: string): string;
  /** `list`: undefined for the bootstrap. */
  start(node: string, list: readonly InitialMember[] | undefined): void;
  kill(node: string): Promise<void>;
  wipe(node: string): Promise<void>;
  /** How the process that was started last has ended by itself, and what it said. */
  ended(node: string): { readonly code: number; readonly words: string } | undefined;
  wait(ms: number): Promise<void>;
  nowMs(): number;
  /** Lets time pass until the promise is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
}

/** How long a started member may take until it serves, and a learner until it may be promoted, in milliseconds. */
const startMsMax = 20_000;
const lagMsMax = 6_000;
const lookMs = 100;

/** By when etcd's leader has let go of a change that was answered, in milliseconds. */
const letGoMs = 500;

/** What a change shows that went through raft: a quorum has just taken note of it. */
const throughRaft = ['ok', 'conflict', 'notFound'];

export class StepRunner {
  readonly #ids = new Map<string, MemberId>();
  readonly #lists = new Map<string, readonly InitialMember[]>();
  readonly #running = new Set<string>();
  /** A change went through raft, of which the leader may not have let go yet. */
  #justChanged = false;

  constructor(private readonly world: MembershipWorld) {}

  /** Starts a new cluster of these nodes. */
  async bootstrap(nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      this.world.start(node, undefined);
      this.#running.add(node);
    }
    for (const node of nodes) await this.#untilServing(node);
    const list = await this.world.settle(this.world.admin(nodes[0]!).memberList({ linearizable: true }));
    for (const row of list) {
      this.#ids.set(row.name, row.id);
      this.#lists.set(
        row.name,
        nodes.map((name) => ({ name, peerURLs: [this.world.peerURL(name)] })),
      );
    }
  }

  /** Carries the step out, and returns what it showed: "ok" or the kind of error, a list, how a start ended. */
  async run(step: Step): Promise<string> {
    const { world } = this;
    switch (step.kind) {
      case 'wait':
        await world.wait(step.ms);
        if (step.ms >= letGoMs) this.#justChanged = false;
        return 'waited';
      case 'add':
      case 'remove':
      case 'promote':
        return this.#change(step);
      case 'kill':
        await world.kill(step.node);
        this.#running.delete(step.node);
        return 'killed';
      case 'wipe':
        await world.wipe(step.node);
        this.#running.delete(step.node);
        return 'wiped';
      case 'start':
        world.start(step.node, this.#lists.get(step.node) ?? []);
        this.#running.add(step.node);
        return this.#untilServing(step.node);
      case 'list':
        return this.#list(step.through);
      case 'read':
        return this.#kindOf(world.admin(step.through).linearizableRead());
    }
  }

  /**
   * etcd's leader drops a change that it is asked for straight after another ("ignoring conf change"), and
   * that call is never answered; a linearizable read goes round its loop once. The quorum for it has just
   * answered a change; and both worlds read, with the same deadline, so that neither falls behind the other.
   */
  async #change(step: Change): Promise<string> {
    const admin = this.world.admin(step.through);
    if (this.#justChanged && (await this.#kindOf(admin.linearizableRead())) === 'ok')
      this.#justChanged = false;
    const shown = await this.#answerTo(step);
    if (throughRaft.includes(shown)) this.#justChanged = true;
    return shown;
  }

  #answerTo(step: Change): Promise<string> {
    switch (step.kind) {
      case 'add':
        return this.#add(step.through, step.node, step.role);
      case 'remove':
        return this.#kindOf(this.world.admin(step.through).memberRemove(this.#id(step.node)));
      case 'promote':
        return this.#promote(step.through, step.node);
    }
  }

  async #add(through: string, node: string, role: Member['role']): Promise<string> {
    let reply: Awaited<ReturnType<EtcdAdmin['memberAdd']>> | undefined;
    const added = this.world.admin(through).memberAdd([this.world.peerURL(node)], role);
    const kind = await this.#kindOf(
      added.then((value) => {
        reply = value;
      }),
    );
    if (reply === undefined) return kind;
    this.#ids.set(node, reply.id);
    this.#lists.set(
      node,
      reply.members.map(({ name, peerURLs, id }) => ({
        name: id === reply!.id ? node : name || id,
        peerURLs,
      })),
    );
    return kind;
  }

  /** A learner that runs is given time to catch up; one that does not is not waited for. */
  async #promote(through: string, node: string): Promise<string> {
    const endMs = this.world.nowMs() + (this.#running.has(node) ? lagMsMax : 0);
    for (;;) {
      const kind = await this.#kindOf(this.world.admin(through).memberPromote(this.#id(node)));
      if (kind !== 'notReady' || this.world.nowMs() >= endMs) return kind;
      await this.world.wait(lookMs);
    }
  }

  async #list(through: string): Promise<string> {
    let rows: readonly Member[] = [];
    const asked = this.world.admin(through).memberList({ linearizable: true });
    const kind = await this.#kindOf(
      asked.then((list) => {
        rows = list;
      }),
    );
    if (kind !== 'ok') return kind;
    const nodeOf = new Map([...this.#ids].map(([node, id]) => [id, node]));
    return rows
      .map(
        ({ id, role, started }) => `${nodeOf.get(id) ?? 'unknown'}: ${role}${started ? '' : ', unstarted'}`,
      )
      .sort()
      .join('; ');
  }

  async #untilServing(node: string): Promise<string> {
    const endMs = this.world.nowMs() + startMsMax;
    for (;;) {
      const ended = this.world.ended(node);
      if (ended !== undefined) {
        this.#running.delete(node);
        // With which code depends on how far it had come.
        return /permanently removed/.test(ended.words) ? 'ended as removed' : `exit ${ended.code}`;
      }
      if ((await this.#kindOf(this.world.admin(node).status())) === 'ok') return 'serving';
      if (this.world.nowMs() >= endMs) return 'not serving';
      await this.world.wait(lookMs);
    }
  }

  /** An id that no member has, for nodes that never were one. */
  #id(node: string): MemberId {
    return this.#ids.get(node) ?? ('00000000deadbeef' as MemberId);
  }

  async #kindOf(promise: Promise<unknown>): Promise<string> {
    const kind = await this.world.settle(
      promise.then(
        () => 'ok',
        (error: { kind?: string }) => error.kind ?? String(error),
      ),
    );
    // Which of the two it is depends on moments.
    return kind === 'noLeader' || kind === 'deadline' ? 'unanswered' : kind;
  }
}

/** For a report: one line a step. */
export function describeStep(step: Step): string {
  const { kind, ...rest } = step;
  return [kind, ...Object.values(rest)].join(' ');
}
