/**
 * A unit's log as `journalctl -o json` prints it, read into the lines of one run after another. Pure.
 *
 * journald keeps what comes to it in the order of arrival, and a service's lines come by several ways: systemd's own about
 * it, its output, and what it sends to journald itself (etcd 3.4 does both of the latter). Within a run that is a matter of
 * milliseconds, and it is enough for the last words to stand behind "Main process exited", or among the lines of a start
 * those of an earlier moment.
 */

interface Entry {
  readonly text: string;
  /** The run it belongs to; undefined before systemd 232. */
  readonly run: string | undefined;
  readonly way: 'systemd' | 'sent' | 'output';
}

/** The messages, run by run: that it starts, what it sent, what it printed, what systemd says of its end. */
export function linesByRun(journal: string): string {
  const entries = journal
    .split('\n')
    .filter((line) => line !== '')
    .map(readEntry);
  return inOrder(entries)
    .map(({ text }) => `${text}\n`)
    .join('');
}

function inOrder(entries: readonly Entry[]): readonly Entry[] {
  if (entries.some(({ run }) => run === undefined)) return entries;
  const runs = new Map<string | undefined, Entry[]>();
  for (const entry of entries) runs.set(entry.run, [...(runs.get(entry.run) ?? []), entry]);
  return [...runs.values()].flatMap((run) => {
    const of = (way: Entry['way']) => run.filter((entry) => entry.way === way);
    const said = of('systemd');
    // Of a run whose beginning is not in the text any more systemd has said only what comes after it.
    const starts = run[0]?.way === 'systemd' ? said.slice(0, 1) : [];
    return [...starts, ...of('sent'), ...of('output'), ...said.slice(starts.length)];
  });
}

function readEntry(line: string): Entry {
  const fields = parse(line);
  const own = fields._SYSTEMD_INVOCATION_ID;
  // Of its own lines about a unit systemd names the unit's run beside that of process 1, which it has none of.
  const about = fields.INVOCATION_ID;
  const run = typeof about === 'string' ? about : typeof own === 'string' ? own : undefined;
  const sent = fields._TRANSPORT === 'journal' ? 'sent' : 'output';
  return { text: textOf(fields.MESSAGE), run, way: fields._PID === '1' ? 'systemd' : sent };
}

function parse(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What is not UTF-8 is printed as an array of bytes. */
function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  return Array.isArray(message) ? Buffer.from(message as number[]).toString('utf8') : '';
}
