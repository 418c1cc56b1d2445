/**
 * What was done with this state, by whom and how it ended: one JSON line each, appended and synced, never rewritten. This is
 * for what is one step; a command of several keeps an operation (operation.ts) in the same log.
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
  await state.append(JSON.stringify({ at: new Date().toISOString(), by: who(), ...entry }), 'audit.jsonl');
}

/** The line of a command that ended in this error. Never rejects: a disk that is full must not hide why it failed. */
export async function auditFailure(
  state: StateDir,
  entry: Pick<AuditEntry, 'action' | 'node' | 'detail'>,
  error: unknown,
): Promise<void> {
  const { outcome, why } = classOf(error);
  await audit(state, { ...entry, outcome, detail: { ...entry.detail, why } }).catch(() => {});
}

export function classOf(error: unknown): { readonly outcome: 'refused' | 'failed'; readonly why: string } {
  const refused = error instanceof Failure && error.parts.exit === 'refused';
  return {
    outcome: refused ? 'refused' : 'failed',
    why: error instanceof Error ? error.message : String(error),
  };
}

/** `ann as root` under sudo. */
export function who(environment: NodeJS.ProcessEnv = process.env): string {
  const { username } = userInfo();
  return environment.SUDO_USER === undefined ? username : `${environment.SUDO_USER} as ${username}`;
}
