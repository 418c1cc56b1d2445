/** `coordinator audit list|show`: what was done with this state, and what was begun and never ended. */
import { type AuditLog, type AuditRecord, readAuditLog, runningNow } from '../audit-log.js';
import { Failure } from '../failure.js';
import { auditDetails, auditTable, shortId } from '../output/audit.js';
import type { View } from '../output/view.js';
import { StateDir } from '../state/state-dir.js';
import type { CommandContext } from './context.js';

/** About a screen. */
const limitDefault = 30;

export interface AuditListFlags {
  readonly action: string | undefined;
  readonly node: string | undefined;
  readonly sinceMs: number | undefined;
  readonly limit: number | undefined;
}

export async function auditList({ stateDir }: CommandContext, flags: AuditListFlags): Promise<View> {
  const state = await StateDir.open(stateDir);
  const log = await readAuditLog(state);
  const wanted = log.records.filter((record) => isWanted(record, flags));
  const limit = flags.limit ?? (flags.sinceMs === undefined ? limitDefault : wanted.length);
  const shown = limit === 0 ? [] : wanted.slice(-limit);
  return {
    document: { kind: 'AuditList', operations: shown, unreadableLines: log.unreadable },
    table: shown.length === 0 ? '' : auditTable(shown),
    notes: [
      ...(shown.length === 0 ? ['nothing was recorded that fits'] : []),
      ...(shown.length < wanted.length ? [`${wanted.length - shown.length} older ones: --limit N`] : []),
      ...unreadableNotes(state, log),
      ...(await openNotes(state, log.records)),
    ],
  };
}

export async function auditShow({ stateDir }: CommandContext, id: string): Promise<View> {
  const state = await StateDir.open(stateDir);
  const log = await readAuditLog(state);
  const record = find(log.records, id);
  return {
    document: { kind: 'AuditOperation', operation: record },
    table: auditDetails(record),
    notes: [...unreadableNotes(state, log), ...(await openNotes(state, [record]))],
  };
}

function isWanted(record: AuditRecord, { action, node, sinceMs }: AuditListFlags): boolean {
  if (action !== undefined && !`${record.action} `.startsWith(`${action} `)) return false;
  if (node !== undefined && !record.nodes.includes(node)) return false;
  return sinceMs === undefined || Date.parse(record.endedAt ?? record.beganAt) >= Date.now() - sinceMs;
}

/** By its whole id, or as many letters as name one only. */
function find(records: readonly AuditRecord[], id: string): AuditRecord {
  const exact = records.find((record) => record.id === id);
  const alike = id.length < 4 ? [] : records.filter((record) => record.id.startsWith(id));
  if (exact !== undefined) return exact;
  if (alike.length === 1) return alike[0]!;
  throw new Failure({
    exit: 'usage',
    what: alike.length === 0 ? `no operation ${id} is recorded` : `${id} is the beginning of several ids`,
    where: alike.map((record) => `${record.id}  ${record.action}`),
    next: 'coordinator audit list',
  });
}

/** What did not come to its end, and the command that goes on with it. */
async function openNotes(state: StateDir, records: readonly AuditRecord[]): Promise<string[]> {
  const open = records.filter(
    ({ outcome, resume, settledBy }) =>
      settledBy === undefined && (outcome === 'unfinished' || (outcome === 'failed' && resume)),
  );
  if (open.length === 0) return [];
  const running = await runningNow(state);
  return [
    ...(running === undefined ? [] : [`at work at this moment: ${running}`]),
    ...open.map(
      ({ id, action, outcome, resume }) =>
        `${action} (${shortId(id)}) ${outcome === 'failed' ? 'failed' : 'was begun and did not end'}` +
        (resume === undefined ? '' : `; next: ${resume}`),
    ),
  ];
}

function unreadableNotes(state: StateDir, { unreadable }: AuditLog): string[] {
  if (unreadable.length === 0) return [];
  const lines = unreadable.slice(0, 5).join(', ');
  return [
    `${unreadable.length} lines of ${state.file('audit.jsonl')} cannot be read and are left out (${lines}${unreadable.length > 5 ? ', …' : ''})`,
  ];
}
