/** What `systemctl status etcd-agent` says of this node, in one line: who it is, how it is, what it waits for. Pure. */
import type { MemberSpec, Waiting } from '@etcd-agent/protocol';
import type { Seen } from './heal/healer.js';
import type { StoredIdentity } from './store.js';

export interface StatusFacts {
  readonly identity: Pick<StoredIdentity, 'cluster' | 'node'> | undefined;
  /** The last round of healing; undefined: there was none yet, or there is no spec. */
  readonly seen: StatusSeen | undefined;
  /** What the rules over local files wait for. */
  readonly waiting: readonly Waiting[];
}

/** What is used of a round. */
export interface StatusSeen {
  readonly spec: Pick<MemberSpec, 'generation'>;
  readonly picture: Pick<Seen['picture'], 'journal' | 'own' | 'pause'> & {
    readonly service: Pick<Seen['picture']['service'], 'kind'>;
  };
  readonly plan: Pick<Seen['plan'], 'decision' | 'waiting'>;
}

export function statusLine({ identity, seen, waiting }: StatusFacts): string {
  if (identity === undefined) return 'no identity yet: waits for a join token and the coordinator';
  const who = `${identity.node} of ${identity.cluster}`;
  if (seen === undefined) return `${who}: waits for a coordinator to bootstrap or resume`;
  const reasons = [...seen.plan.waiting, ...waiting].map(({ rule, reason }) => `${rule}: ${reason}`);
  const waits = reasons.length === 0 ? '' : `; waits for ${reasons.join('; ')}`;
  return `${who}, generation ${seen.spec.generation}: ${condition(seen)}${waits}`;
}

function condition({ picture: { journal, own, pause, service }, plan: { decision } }: StatusSeen): string {
  const paused = pause === undefined ? '' : ' (healing is paused)';
  if (journal !== undefined) return `repairing, ${journal.stage} (${journal.rule})${paused}`;
  if (decision !== undefined) return `${decision.step.kind} (${decision.rule})`;
  if (own.kind === 'answers' && own.healthy) return `healthy${paused}`;
  if (own.kind === 'answers') return `etcd answers and has no leader${paused}`;
  return service.kind === 'active' || service.kind === 'activating'
    ? `etcd is ${service.kind} and does not answer${paused}`
    : `etcd is ${service.kind}${paused}`;
}
