/**
 * What was seen over many looks: since when each node is as it is, how long each condition has held, and the highest place
 * in the log that each member was seen at. In memory; the places are also kept on disk, by the healer.
 */
import type { EndpointSight, Look } from './look.js';
import type { RememberedPosition } from './memory.js';

type AgentState = 'up' | 'silent' | 'unknown';
type EtcdState = 'healthy' | 'unhealthy' | 'silent' | 'unknown';

interface NodeSighting {
  agent: AgentState;
  agentSinceMs: number;
  etcd: EtcdState;
  etcdSinceMs: number;
}

/** Looks come every few seconds. An agent that was stopped or starved for longer has not watched. */
const gapMsMax = 15_000;

export class Sightings {
  private readonly nodes = new Map<string, NodeSighting>();
  private readonly since = new Map<string, number>();
  /**
   * By member: where it said to be, by the end of which look. Its disk may lack what it has just applied: etcd saves that at the same
   * time.
   */
  private readonly told = new Map<
    string,
    { readonly position: RememberedPosition; readonly untilMs: number }
  >();
  private readonly settled: Map<string, RememberedPosition>;

  constructor(known: readonly RememberedPosition[]) {
    this.settled = new Map(known.map((position) => [position.memberId, position]));
  }

  /** A look that began at `fromMs` and has ended now. */
  see({ endpoints, peers }: Look, nowMs: number, fromMs: number): void {
    for (const endpoint of endpoints) {
      this.note(endpoint.node, 'etcd', etcdState(endpoint), nowMs);
      this.notePosition(endpoint, fromMs, nowMs);
    }
    for (const { node, kind } of peers) this.note(node, 'agent', kind, nowMs);
  }

  /** When conditions were last looked at. */
  private lookedMs = Number.NEGATIVE_INFINITY;

  /** True where nobody has looked for so long that what held before may not have held since. */
  hasGap(nowMs: number): boolean {
    return nowMs - this.lookedMs > gapMsMax;
  }

  /** How long each of these conditions has held; those that do not hold now begin anew the next time. */
  hold(names: readonly string[], nowMs: number): Readonly<Record<string, number>> {
    if (this.hasGap(nowMs)) this.since.clear();
    this.lookedMs = nowMs;
    for (const known of [...this.since.keys()]) if (!names.includes(known)) this.since.delete(known);
    for (const name of names) if (!this.since.has(name)) this.since.set(name, nowMs);
    // One that was seen for the first time has held for no time at all, and is told from one that does not hold.
    return Object.fromEntries(names.map((name) => [name, Math.max(1, nowMs - this.since.get(name)!)]));
  }

  of(node: string, nowMs: number) {
    const seen = this.nodes.get(node);
    return {
      node,
      agent: seen?.agent ?? ('unknown' as const),
      agentForMs: seen === undefined ? 0 : Math.round(nowMs - seen.agentSinceMs),
      etcd: seen?.etcd ?? ('unknown' as const),
      etcdForMs: seen === undefined ? 0 : Math.round(nowMs - seen.etcdSinceMs),
    };
  }

  positions(): readonly RememberedPosition[] {
    return [...this.settled.values()];
  }

  private note(node: string, part: 'agent' | 'etcd', state: AgentState | EtcdState, nowMs: number): void {
    const seen: NodeSighting = this.nodes.get(node) ?? {
      agent: 'unknown',
      agentSinceMs: nowMs,
      etcd: 'unknown',
      etcdSinceMs: nowMs,
    };
    this.nodes.set(node, seen);
    if (seen[part] === state) return;
    Object.assign(seen, { [part]: state, [`${part}SinceMs`]: nowMs });
  }

  private notePosition({ status, list }: EndpointSight, fromMs: number, untilMs: number): void {
    if (status === undefined) return;
    const { memberId, raftTerm: term, raftAppliedIndex, raftIndex } = status;
    const index = raftAppliedIndex === '0' ? raftIndex : raftAppliedIndex;
    const before = this.told.get(memberId);
    // Looks may overlap.
    if (before !== undefined && fromMs < before.untilMs) return;
    this.told.set(memberId, { position: { memberId, term, index }, untilMs });
    // The read went through its raft loop, which had saved by then what was told before the read began.
    if (before !== undefined && list !== undefined && BigInt(index) >= BigInt(before.position.index))
      this.settle(before.position);
  }

  private settle({ memberId, term, index }: RememberedPosition): void {
    const known = this.settled.get(memberId);
    this.settled.delete(memberId);
    this.settled.set(memberId, {
      memberId,
      term: higher(known?.term, term),
      index: higher(known?.index, index),
    });
  }
}

export function etcdState({ status, list }: EndpointSight): EtcdState {
  if (list !== undefined) return 'healthy';
  return status === undefined ? 'silent' : 'unhealthy';
}

function higher(a: string | undefined, b: string): string {
  return a !== undefined && BigInt(a) > BigInt(b) ? a : b;
}
