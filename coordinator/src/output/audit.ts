/** The audit log for people: a table of what was done, and one operation with its steps. */
import type { AuditRecord } from '../audit-log.js';
import { table } from './table.js';

/** As many letters of an operation's id as are shown, and suffice to name it. */
const shortIdLength = 8;

export function shortId(id: string): string {
  return id.slice(0, shortIdLength);
}

export function auditTable(records: readonly AuditRecord[]): string {
  return table(
    ['ID', 'BEGAN', 'ACTION', 'NODES', 'BY', 'OUTCOME'],
    records.map(({ id, beganAt, action, nodes, by, outcome, settledBy }) => [
      shortId(id),
      beganAt,
      action,
      nodes.join(','),
      by,
      settledBy === undefined ? outcome : `${outcome}, then ${shortId(settledBy)}`,
    ]),
  );
}

export function auditDetails(record: AuditRecord): string {
  const { id, action, nodes, by, beganAt, endedAt, outcome, why, runs, plan, steps, before, after } = record;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['id', id],
    ['action', action],
    ['nodes', nodes.length === 0 ? undefined : nodes.join(', ')],
    ['by', by],
    ['began', beganAt],
    ['ended', endedAt ?? 'not'],
    ['outcome', why === undefined ? outcome : `${outcome}: ${why}`],
    ['runs', runs === 1 ? undefined : String(runs)],
    ['before', json(before)],
    ['after', json(after)],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(width)}  ${value}`],
  );
  if (plan.length > 0)
    lines.push('', 'plan', ...plan.map((sentence, index) => `  ${index + 1}. ${sentence}`));
  if (steps.length > 0) lines.push('', stepTable(steps));
  return lines.join('\n');
}

function stepTable(steps: AuditRecord['steps']): string {
  return table(
    ['ENDED', 'STEP', 'TOOK', 'OUTCOME'],
    steps.map(({ at, step, ms, outcome, why }) => [
      at,
      step,
      ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`,
      why === undefined ? outcome : `${outcome}: ${why}`,
    ]),
  );
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
