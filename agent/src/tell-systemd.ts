/**
 * Tells systemd that the agent is ready, that its loops come round, and how its node is. Where a loop does not, it says
 * nothing more and lets the watchdog end this process: another one reads everything from the disk and goes on.
 */
import type { Clock, Logger, Notify } from '@etcd-agent/platform';
import { type LoopTurn, type Standstill, standstill } from './standstill.js';

/** Between two looks at the loops, at most; nothing is sent at most of them. */
const lookMsMax = 1_000;
/** A ping is a program that is run: some 10 ms of CPU time. */
const pingsPerWatchdog = 3;
/**
 * The longest that one round may take: longer than all deadlines of the calls in it together, the slowest of which is a
 * daemon-reload of a minute.
 */
const watchdogsPerTurn = 3;
/** A clock that has jumped, after a pause of the machine, makes every loop look late: it must be seen so often in a row. */
const lateLooks = 5;
/** Where systemd does not watch: its status line stays young, and a READY that was lost is said again. */
const unwatchedMs = 90_000;
/** A status line that changes all the time is not sent all the time. */
const statusMs = 3_000;
/** systemd 239 drops a message whose sender has ended before systemd looked at it: the first ones are sent soon again. */
const hastyPings = 3;

export interface TellParts {
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly notify: Notify;
  readonly watchdogMs: number | undefined;
  readonly turns: () => readonly LoopTurn[];
  readonly statusLine: () => string;
  readonly waitingForDisk: () => string | undefined;
}

export interface Telling {
  /** Says that the agent stops, and nothing after that. */
  stop(): Promise<void>;
}

/** Begins to tell: READY at once. Never throws; an agent of which systemd hears nothing is ended by systemd. */
export function tellSystemd(parts: TellParts): Telling {
  const { clock, log, notify } = parts;
  const watchdogMs = parts.watchdogMs ?? unwatchedMs;
  const pingMs = watchdogMs / pingsPerWatchdog;
  const stopping = new AbortController();
  let sent = 0;
  let sentMs = Number.NEGATIVE_INFINITY;
  let sentStatus = '';
  let last: Standstill['kind'] = 'none';
  let late = 0;
  let deaf = false;
  const telling = loop();
  return {
    async stop() {
      stopping.abort();
      await telling;
      await send({ STOPPING: '1', STATUS: 'stopping; etcd goes on' });
    },
  };

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look();
      await clock.sleep(Math.min(lookMsMax, pingMs / 2), stopping.signal).catch(() => {});
    }
  }

  async function look(): Promise<void> {
    const nowMs = clock.monotonicMs();
    const seen = standstill(parts.turns(), nowMs, watchdogMs * watchdogsPerTurn, parts.waitingForDisk);
    late = seen.kind === 'none' ? 0 : late + 1;
    const still: Standstill = late < lateLooks ? { kind: 'none' } : seen;
    const isNew = still.kind !== last;
    last = still.kind;
    if (still.kind === 'hangs') {
      if (!isNew) return;
      log.error(
        { why: still.why },
        'this agent stands still: it leaves its end and its restart to the watchdog',
      );
      await send({ STATUS: `${still.why}; the watchdog restarts this agent` });
      return;
    }
    if (still.kind === 'waitsForDisk' && isNew) log.warn({ why: still.why }, 'this agent waits');
    const status = still.kind === 'waitsForDisk' ? still.why : parts.statusLine();
    const agoMs = nowMs - sentMs;
    const due = agoMs >= pingMs || sent < hastyPings;
    if (!due && (status === sentStatus || agoMs < statusMs)) return;
    sent += 1;
    sentMs = nowMs;
    sentStatus = status;
    await send({ READY: '1', WATCHDOG: '1', STATUS: status });
  }

  async function send(message: Parameters<Notify>[0]): Promise<void> {
    try {
      await notify(message);
      deaf = false;
    } catch (error) {
      if (!deaf) log.warn({ err: error }, 'systemd cannot be told how this agent is');
      deaf = true;
    }
  }
}
