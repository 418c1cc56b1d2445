/**
 * Reading the audit log: lines to operations. A line that cannot be read (torn by a power cut, written by a newer version) is
 * counted and left out: the log explains what happened, nothing is decided from it.
 */
import { exclusiveHolder } from '@etcd-agent/platform';
import * as z from 'zod';
import type { StateDir } from './state/state-dir.js';

const facts = z.record(z.string(), z.unknown());
const outcome = z.enum(['ok', 'refused', 'failed']);

const oneLineSchema = z.object({
  at: z.string(),
  by: z.string(),
  action: z.string(),
  node: z.string().optional(),
  outcome,
  detail: facts.optional(),
});
const operation = z.string();
const beganSchema = z.object({
  at: z.string(),
  operation,
  event: z.literal('began'),
  by: z.string(),
  action: z.string(),
  nodes: z.array(z.string()).optional(),
  plan: z.array(z.string()).optional(),
  before: facts.optional(),
  resume: z.string().optional(),
});
const stepSchema = z.object({
  at: z.string(),
  operation,
  event: z.literal('step'),
  step: z.string(),
  outcome,
  why: z.string().optional(),
  ms: z.number(),
});
const endedSchema = z.object({
  at: z.string(),
  operation,
  event: z.literal('ended'),
  outcome,
  why: z.string().optional(),
  after: facts.optional(),
});
const lineSchema = z.union([beganSchema, stepSchema, endedSchema, oneLineSchema]);

/** One step as it ended; `at` is then. */
export interface AuditStep {
  readonly at: string;
  readonly step: string;
  readonly outcome: z.infer<typeof outcome>;
  readonly why?: string | undefined;
  readonly ms: number;
}

/** One thing that was done. */
export interface AuditRecord {
  /** The operation's uuid; the line's number, such as `12`, where it is of one line. */
  readonly id: string;
  readonly action: string;
  readonly nodes: readonly string[];
  readonly by: string;
  readonly beganAt: string;
  /** Absent while it runs, and for good where it was cut short. */
  readonly endedAt?: string;
  readonly outcome: z.infer<typeof outcome> | 'unfinished';
  readonly why?: string;
  readonly plan: readonly string[];
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly steps: readonly AuditStep[];
  /** How often it was begun: more than once where a later run went on with it. */
  readonly runs: number;
  readonly resume?: string;
  /** A later operation that has done what this one did not: the same once more to its end, or taking this one back. */
  readonly settledBy?: string;
}

export interface AuditLog {
  /** Oldest first, by when they began. */
  readonly records: readonly AuditRecord[];
  /** The numbers of the lines that could not be read. */
  readonly unreadable: readonly number[];
}

export async function readAuditLog(state: StateDir): Promise<AuditLog> {
  return auditLogOf((await state.text('audit.jsonl')) ?? '');
}

/** What another process does with this state at this moment, in its own words. */
export async function runningNow(state: StateDir): Promise<string | undefined> {
  return (await exclusiveHolder(state.file('lock')))?.purpose;
}

export function auditLogOf(text: string): AuditLog {
  const records = new Map<string, AuditRecord>();
  const unreadable: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const parsed = lineSchema.safeParse(jsonOf(line));
    if (!parsed.success) unreadable.push(index + 1);
    else take(records, index + 1, parsed.data);
  }
  const all = [...records.values()];
  return { records: all.map((record, at) => settled(record, all.slice(at + 1))), unreadable };
}

function settled(record: AuditRecord, later: readonly AuditRecord[]): AuditRecord {
  if (record.outcome !== 'unfinished' && record.outcome !== 'failed') return record;
  const by = later.find(
    ({ action, nodes, outcome: how, before }) =>
      how === 'ok' &&
      (before?.undoes === record.id ||
        (action === record.action && record.nodes.every((node) => nodes.includes(node)))),
  );
  return by === undefined ? record : { ...record, settledBy: by.id };
}

function take(records: Map<string, AuditRecord>, number: number, line: z.infer<typeof lineSchema>): void {
  if (!('event' in line)) {
    records.set(String(number), ofOneLine(number, line));
    return;
  }
  const former = records.get(line.operation);
  switch (line.event) {
    case 'began':
      records.set(line.operation, begun(former, line));
      return;
    case 'step':
      if (former !== undefined)
        records.set(line.operation, { ...former, steps: [...former.steps, withoutIds(line)] });
      return;
    case 'ended':
      if (former !== undefined) records.set(line.operation, ended(former, line));
  }
}

function ofOneLine(number: number, line: z.infer<typeof oneLineSchema>): AuditRecord {
  const { at, by, action, node, outcome: how, detail } = line;
  return {
    id: String(number),
    action,
    nodes: node === undefined ? [] : [node],
    by,
    beganAt: at,
    endedAt: at,
    outcome: how,
    plan: [],
    steps: [],
    runs: 1,
    ...(typeof detail?.why === 'string' ? { why: detail.why } : {}),
    ...(detail === undefined ? {} : { after: detail }),
  };
}

/** A later run of the same operation keeps when it began first, what was so then, and all steps. */
function begun(former: AuditRecord | undefined, line: z.infer<typeof beganSchema>): AuditRecord {
  const { at, by, action, nodes = [], plan = [], before, resume } = line;
  const base = former ?? { beganAt: at, steps: [], runs: 0 };
  const first = former?.before ?? before;
  return {
    id: line.operation,
    action,
    nodes,
    by,
    beganAt: base.beganAt,
    outcome: 'unfinished',
    plan,
    steps: base.steps,
    runs: base.runs + 1,
    ...(first === undefined ? {} : { before: first }),
    ...(resume === undefined ? {} : { resume }),
  };
}

function ended(former: AuditRecord, line: z.infer<typeof endedSchema>): AuditRecord {
  return {
    ...former,
    endedAt: line.at,
    outcome: line.outcome,
    ...(line.why === undefined ? {} : { why: line.why }),
    ...(line.after === undefined ? {} : { after: line.after }),
  };
}

function withoutIds({ at, step, outcome: how, why, ms }: z.infer<typeof stepSchema>): AuditStep {
  return { at, step, outcome: how, ms, ...(why === undefined ? {} : { why }) };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
