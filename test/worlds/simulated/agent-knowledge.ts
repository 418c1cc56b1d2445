/**
 * What the agents of a run must know by now of where each member was, and whom each of them can ask: by that a start on a disk
 * that was rolled back is judged. Seen from outside, whatever the agents themselves believe.
 */
import type { MemberId } from '@etcd-agent/etcd';
import type { SimCluster } from './sim-cluster.js';

/**
 * A place that an agent could see for so many seconds is on its disk, and told to others, by then, whatever happens to the
 * agent.
 */
const settledLooks = 30;
/** An agent that could be heard for this long was heard. */
const heardMsMin = 10_000;
/** An agent may act on the answer of one that has ended since. */
const answerMsMax = 6_000;

interface Asked {
  /** Since when enough other agents can be asked. */
  readonly sinceMs: number | undefined;
  /** The same where an absence that an agent may not have noticed does not count. */
  readonly firstMs: number;
  /** When they last could. */
  readonly answeredMs: number;
  /** When they last could for long enough, or this one did not run: it asks anew then. */
  readonly lastMs: number;
}

/** How many answers are enough: one, or so many that one is of a node in every quorum that the one who asks could be part of. */
type Enough = 'one' | 'anyQuorum';

export class AgentKnowledge {
  /** By agent and member: places in the log. */
  readonly #seen = new Map<string, { settled: number; pending: number; looks: number }>();
  readonly #rollBacks = new Map<string, number>();
  /** By what is enough, and host. */
  readonly #asked = new Map<string, Asked>();

  constructor(private readonly cluster: SimCluster) {}

  /** Another agent that can be asked and has seen the member beyond this index of its log, and where. */
  knower(
    node: string,
    id: MemberId,
    index: number,
  ): { readonly peer: string; readonly at: number } | undefined {
    return this.#answering(node)
      .map((peer) => ({ peer, at: this.#seen.get(`${peer} ${id}`)?.settled ?? 0 }))
      .find(({ at }) => at > index);
  }

  /**
   * For how long the agent of this host has asked and not heard so many others that one of them must know, milliseconds; undefined:
   * it may have heard them. And for how long it has heard one of them, at least.
   */
  unheardMs(node: string): { readonly forMs: number; readonly oneForMs: number } | undefined {
    this.seeWhoAnswers();
    const { nowMs } = this.cluster.clock;
    const [one, quorum] = (['one', 'anyQuorum'] as const).map((each) => this.#asked.get(`${each} ${node}`)!);
    if (nowMs - quorum!.answeredMs <= answerMsMax) return undefined;
    const hearsOne = nowMs - one!.answeredMs <= answerMsMax;
    return { forMs: nowMs - quorum!.lastMs, oneForMs: hearsOne ? nowMs - one!.firstMs : 0 };
  }

  /** Looked at every second. */
  seePositions(): void {
    const { cluster } = this;
    for (const node of cluster.nodes) this.#forgetWithItsDisk(node);
    for (const { node, memberId, disk, ready } of cluster.etcd.running()) {
      if (memberId === undefined || disk === undefined || !ready || cluster.host(node).service.hanging)
        continue;
      const { index } = disk.applied;
      for (const peer of this.#answering(node)) {
        const key = `${peer} ${memberId}`;
        const seen = this.#seen.get(key);
        if (seen === undefined) this.#seen.set(key, { settled: 0, pending: index, looks: 0 });
        else if (seen.looks < settledLooks) seen.looks += 1;
        else this.#seen.set(key, { settled: seen.pending, pending: index, looks: 0 });
      }
    }
  }

  /** Looked at every second, and before each fault. */
  seeWhoAnswers(): void {
    const { nodes } = this.cluster;
    for (const node of nodes) {
      const answering = this.#answering(node).length;
      this.#seeAnswers(node, 'one', answering > 0);
      this.#seeAnswers(node, 'anyQuorum', answering >= Math.ceil(nodes.length / 2));
    }
  }

  #seeAnswers(node: string, enough: Enough, answers: boolean): void {
    const { nowMs } = this.cluster.clock;
    const key = `${enough} ${node}`;
    const nothing = {
      sinceMs: undefined,
      firstMs: nowMs,
      answeredMs: Number.NEGATIVE_INFINITY,
      lastMs: nowMs,
    };
    const before = this.#asked.get(key) ?? nothing;
    const sinceMs = answers ? (before.sinceMs ?? nowMs) : undefined;
    const heard = sinceMs !== undefined && nowMs - sinceMs >= heardMsMin;
    const isAbsent = nowMs - before.answeredMs > answerMsMax;
    this.#asked.set(key, {
      sinceMs,
      firstMs: isAbsent || !this.#agentRuns(node) ? nowMs : before.firstMs,
      answeredMs: answers ? nowMs : before.answeredMs,
      lastMs: heard || !this.#agentRuns(node) ? nowMs : before.lastMs,
    });
  }

  /** An agent whose whole disk is an older one has forgotten what it saw since. */
  #forgetWithItsDisk(node: string): void {
    const { rollBacks } = this.cluster.host(node).disk;
    if ((this.#rollBacks.get(node) ?? 0) === rollBacks) return;
    this.#rollBacks.set(node, rollBacks);
    for (const key of [...this.#seen.keys()]) if (key.startsWith(`${node} `)) this.#seen.delete(key);
  }

  /** Hosts whose agents this one can ask. */
  #answering(node: string): readonly string[] {
    const { nodes, network } = this.cluster;
    return nodes.filter(
      (peer) => peer !== node && this.#agentRuns(peer) && network.reachBothWays(node, peer),
    );
  }

  #agentRuns(node: string): boolean {
    const listening = this.cluster.host(node).listening();
    return typeof listening !== 'string' && listening.process.running;
  }
}
