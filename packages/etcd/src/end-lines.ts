/**
 * Reading etcd's log line by line: where a run begins, and which lines are words that it died on. The two formats are
 * capnslog ("2026-01-02 03:04:05.678901 C | wal: …", to 3.3 and by default in 3.4) and zap's JSON; the Go runtime writes
 * its own. What the words mean is in end-table.ts.
 */

export interface LogLine {
  /** The message without time and place. */
  readonly text: string;
  /** Whether etcd says it as it dies. */
  readonly last: boolean;
  /** Whether somebody else, systemd, says that it died. */
  readonly ended: boolean;
  /** How far a start has come when this is said, from 1; 0 for what may be said at any time. */
  readonly stage: number;
}

/** Longer words are cut: a record of them is kept and shown to people. */
const textCharsMax = 500;

export function readLine(line: string): LogLine {
  const { text, last } = line.startsWith('{') ? readZap(line) : readPlain(line);
  const stage = last ? 0 : stages.findIndex((pattern) => pattern.test(text)) + 1;
  const ended = !last && /: Main process exited, code=/.test(text);
  return { text: text.length > textCharsMax ? `${text.slice(0, textCharsMax)}…` : text, last, ended, stage };
}

/** What is said in every start, in this order; no version says all of it. The first is systemd's, in its journal. */
const stages: readonly RegExp[] = [
  /^Starting .+\.\.\.$/,
  /recognized (and used )?environment variable/,
  /^(etcdmain: etcd Version: |Running: )/,
  /server has been already initialized$/,
  /^configuring peer listeners/,
  /^starting an etcd server/,
];

/** The stage of which there is a line for each variable. */
export const variablesStage = 2;

interface Words {
  readonly text: string;
  readonly last: boolean;
}

function readZap(line: string): Words {
  const entry = parseObject(line);
  if (entry === undefined) return { text: line, last: false };
  const { level, msg, error } = entry;
  const text = typeof error === 'string' ? `${String(msg)}: ${error}` : String(msg);
  // Bad flags are only a warning, and it exits with 1 all the same.
  return { text, last: level === 'fatal' || level === 'panic' || msg === 'failed to verify flags' };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function readPlain(line: string): Words {
  const [, level, text] = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ ([A-Z]) \| (.*)$/.exec(line) ?? [];
  if (text === undefined) return { text: line, last: goRuntime.test(line) };
  return { text, last: level === 'C' || (level === 'E' && text.includes('error verifying flags')) };
}

/** The Go runtime as it dies, and its flag parser. */
const goRuntime =
  /^(panic: |fatal error: |unexpected fault address|flag provided but not defined|invalid value ".*" for flag )/;
