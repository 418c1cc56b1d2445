/** How a cluster stands, in one word that is also the exit code, and in one sentence. Pure. */
import { quorum, tolerates } from '@etcd-agent/etcd';
import type { ExitName } from '../failure.js';
import type { AlarmRow } from './alarms.js';
import type { MemberRow } from './members.js';

export interface VoterCounts {
  readonly voters: number;
  readonly healthy: number;
  /** How many more may fail now, not how many could when all are well. */
  readonly tolerates: number;
}

/** `nodes`: how many voters there should be, for where no list could be read. */
export function countVoters(
  nodes: number,
  members: readonly Pick<MemberRow, 'role' | 'health'>[],
): VoterCounts {
  const voters = members.filter(({ role }) => role !== 'learner');
  const count = voters.length === 0 ? nodes : voters.length;
  const healthy = voters.filter(({ health }) => health === 'healthy').length;
  const now = Math.max(0, healthy - quorum(count));
  return { voters: count, healthy, tolerates: Math.min(now, tolerates(count)) };
}

export interface VerdictInputs {
  readonly bootstrapped: boolean;
  readonly counts: VoterCounts;
  /** An endpoint of etcd, or an agent, answers at all. */
  readonly anyAnswers: boolean;
  /** The agent of every wanted node is connected. */
  readonly allAgents: boolean;
  /** Wanted nodes that have no voter. */
  readonly missing: number;
  readonly alarms: readonly AlarmRow[];
}

/** An alarm makes a whole cluster a degraded one: it takes no writes. */
export function verdictOf(inputs: VerdictInputs): ExitName {
  const { bootstrapped, counts, anyAnswers, allAgents, missing, alarms } = inputs;
  const { voters, healthy } = counts;
  if (!bootstrapped) return 'failed';
  if (healthy === voters) return missing === 0 && allAgents && alarms.length === 0 ? 'ok' : 'degraded';
  if (healthy >= quorum(voters)) return 'degraded';
  return anyAnswers ? 'noQuorum' : 'unreachable';
}

export function verdictText(exit: ExitName, counts: VoterCounts, alarms: readonly AlarmRow[]): string {
  const { voters, healthy, tolerates: more } = counts;
  const count = `${healthy} of ${voters} voters healthy`;
  const types = [...new Set(alarms.map(({ type }) => type))].join(', ');
  const armed = types === '' ? '' : `; alarm armed: ${types}`;
  switch (exit) {
    case 'ok':
      return `${count}, tolerates ${more} more failure${more === 1 ? '' : 's'}`;
    case 'degraded':
      return `degraded: ${count}, tolerates ${more} more failure${more === 1 ? '' : 's'}${armed}`;
    case 'noQuorum':
      return `NO QUORUM: ${count}, ${quorum(voters)} needed${armed}`;
    case 'unreachable':
      return 'nothing of it can be reached from here';
    default:
      return 'not bootstrapped yet';
  }
}
