/**
 * What was done with this state, by whom and how it ended: one JSON line each, appended and synced, never rewritten.
 */
import { userInfo } from 'node:os';
import { Failure } from './failure.js';
import type { StateDir } from './state/state-dir.js';

export interface AuditEntry {
  readonly action: string;
  readonly node?: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** Facts for a reader; nothing secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export async function audit(state: StateDir, entry: AuditEntry): Promise<void> {
  const { username } = userInfo();
  const by = process.env.SUDO_USER === undefined ? username : `${process.env.SUDO_USER} as ${username}`;
  await state.append(JSON.stringify({ at: new Date().toISOString(), by, ...entry }), 'audit.jsonl');
}

/** The line of a command that ended in this error. Never rejects: a disk that is full must not hide why it failed. */
export async function auditFailure(
  state: StateDir,
  entry: Pick<AuditEntry, 'action' | 'node' | 'detail'>,
  error: unknown,
): Promise<void> {
  const outcome = error instanceof Failure && error.parts.exit === 'refused' ? 'refused' : 'failed';
  const detail = { ...entry.detail, why: error instanceof Error ? error.message : String(error) };
  await audit(state, { ...entry, outcome, detail }).catch(() => {});
}
