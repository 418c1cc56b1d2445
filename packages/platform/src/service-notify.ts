/**
 * What a service tells the systemd that started it (sd_notify(3)): that it is ready, lives, ends, and how it is. Node.js
 * has no Unix datagrams, so `systemd-notify` says it. When to say what is the caller's to decide.
 */
import { describeResult, type ProgramResult, plainEnvironment, runProgram } from './run.js';

/** systemd-notify waits up to five seconds until systemd has taken the message. */
const notifyTimeoutMs = 10_000;
/** What `systemctl status` shows in a line or two. */
const valueCharactersMax = 300;

export interface NotifySettings {
  /** Where systemd listens; a path, or `@` and an abstract name. */
  readonly socket: string;
  /** Without a ping for this long systemd kills the service; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
}

/** Assignments of one message, e.g. `{ READY: '1', STATUS: 'all is well' }`. */
export type NotifyMessage = Readonly<Partial<Record<'READY' | 'WATCHDOG' | 'STOPPING' | 'STATUS', string>>>;

/** Sends one message. Rejects with an Error that says why systemd was not told. */
export type Notify = (message: NotifyMessage) => Promise<void>;

/** What systemd asks of this process by its environment; undefined where nobody wants to be told: a checkout, a container. */
export function notifySettings(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): NotifySettings | undefined {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: limit = '', WATCHDOG_PID: watched = '' } = environment;
  if (!/^[/@]./.test(socket)) return undefined;
  const isMine = watched === '' || Number(watched) === pid;
  const watchdogMs = /^\d+$/.test(limit) && isMine ? Number(limit) / 1000 : 0;
  return { socket, watchdogMs: watchdogMs > 0 ? watchdogMs : undefined };
}

/**
 * The arguments of systemd-notify. No `--no-block`: systemd 239 has no such option. A line feed in a value would begin an
 * assignment of its own.
 */
export function notifyArguments(message: NotifyMessage): readonly string[] {
  return Object.entries(message).map(([name, value]) => {
    const line = value.replace(/\p{Cc}+/gu, ' ').trim();
    const characters = [...line];
    const short =
      characters.length > valueCharactersMax
        ? `${characters.slice(0, valueCharactersMax - 1).join('')}…`
        : line;
    return `${name}=${short}`;
  });
}

/** Tells the systemd of these settings. */
export function systemdNotify(
  { socket }: NotifySettings,
  run: (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<ProgramResult> = runNotify,
): Notify {
  return async (message) => {
    const result = await run(notifyArguments(message), { ...plainEnvironment, NOTIFY_SOCKET: socket });
    if (result.kind !== 'exited' || result.code !== 0)
      throw new Error(describeResult('systemd-notify', result));
  };
}

function runNotify(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ProgramResult> {
  return runProgram('systemd-notify', args, { timeoutMs: notifyTimeoutMs, maxBytes: 64 * 1024, env });
}
