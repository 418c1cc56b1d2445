/** What agents say of their healing, as a table and sentences. Pure. */
import type { GuardView, HealStatus, RepairView, Waiting } from '@etcd-agent/protocol';
import type { Answers } from '../cluster/ask-agents.js';
import { ageText } from '../durations.js';
import { table } from './table.js';

const dayMs = 24 * 60 * 60 * 1000;

/** A row a node in the order of the topology, then what each waits for. */
export function healingTable(order: readonly string[], answers: Answers<HealStatus>, now: Date): string {
  const statuses = new Map(answers.answered.map(({ place, value }) => [place.name, value]));
  const rows = order.map((name) => {
    const status = statuses.get(name);
    if (status === undefined) return [name, 'no answer', '', '', '', '', ''];
    const { policy, pause, repair, waiting } = status;
    return [
      name,
      policy === null ? 'no spec' : policy.mode,
      status.view.etcd,
      pause === null ? '' : `until ${pause.until}`,
      repair === null ? '' : repairText(repair, now),
      String(repairsOfDay(status, now)),
      String(waiting.length),
    ];
  });
  const lines = order.flatMap((name) => {
    const status = statuses.get(name);
    if (status === undefined) return [];
    const pause =
      status.pause === null ? [] : [`${name} is paused by ${status.pause.by}: ${status.pause.reason}`];
    return [...pause, ...status.waiting.map((each) => `${name} ${waitingText(each)}`)];
  });
  const head = ['NODE', 'MODE', 'ETCD', 'PAUSED', 'REPAIR', 'TODAY', 'WAITING'];
  return [table(head, rows), ...(lines.length === 0 ? [] : ['', ...lines])].join('\n');
}

/** Repairs that began within the last day, one under way included. */
function repairsOfDay({ history, repair }: HealStatus, now: Date): number {
  const recent = history.filter(({ startedAt }) => now.getTime() - Date.parse(startedAt) < dayMs);
  return recent.length + (repair === null ? 0 : 1);
}

/** `join 8e9e05c52164694d -> 1408afb048a27fe7 for 12s`. */
export function repairText({ stage, oldMemberId, newMemberId, startedAt }: RepairView, now: Date): string {
  const ids = newMemberId === undefined ? oldMemberId : `${oldMemberId} -> ${newMemberId}`;
  return `${stage} ${ids} for ${ageText(now.getTime() - Date.parse(startedAt))}`;
}

/** `waits (startEtcd): stopped by hand; started again in 12 s [forMs=48000]`. */
export function waitingText({ rule, reason, evidence }: Waiting): string {
  const numbers = Object.entries(evidence ?? {}).map(
    ([name, value]) => `${name}=${typeof value === 'number' ? Math.round(value) : value}`,
  );
  return `waits (${rule}): ${reason}${numbers.length === 0 ? '' : ` [${numbers.join(' ')}]`}`;
}

export function guardTable(guards: readonly GuardView[]): string {
  return table(
    ['GUARD', 'OK', 'REASON'],
    guards.map(({ guard, ok, reason }) => [guard, ok ? 'yes' : 'NO', reason]),
  );
}

/** What a person does about a node whose repairs do not hold: none begins before its settings, or the day, are others. */
export function flappingAdvice(node: string): string[] {
  return [
    `why its repairs do not hold: coordinator events --node ${node} --since 24h`,
    'when the cause is mended: shorten hold, or raise repairsPerDayMax, under healing: in the topology, then coordinator apply -f FILE; or wait until a day has passed',
  ];
}

/** In the words of the guard `notFlapping`, once it does not pass by itself within minutes. */
export function isFlapping(reason: string): boolean {
  return /did not hold for .*: a person must look/.test(reason);
}
