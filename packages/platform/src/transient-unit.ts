/**
 * Programs that must not run inside the agent's own unit, because that is shut in: systemd runs them as a transient unit,
 * with none of the agent's restrictions. One has a fixed name and a fixed command line, so that a second one of the same
 * kind is refused by systemd itself, and one that outlives its agent is found again by the next.
 */
import { readFile, rm } from 'node:fs/promises';
import { type Clock, systemClock } from './clock.js';
import { describeResult, type ProgramResult, plainEnvironment, runProgram } from './run.js';
import { callSystemctl } from './services-systemd.js';
import { parseShow } from './systemctl-show.js';

const callTimeoutMs = 15_000;
const pollMs = 250;
/** systemd ends the program at its deadline; after this longer wait it is systemd that does not answer. */
const graceMs = 120_000;
const tailCharsMax = 1_500;

export interface TransientUnit {
  /** `etcd-agent-…`, without a suffix. */
  readonly name: string;
  /** An absolute path and its arguments. Nothing that came over the network belongs here. */
  readonly argv: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** Then systemd ends it. */
  readonly timeoutMs: number;
  /** Where its output goes; replaced by each run. */
  readonly outputFile: string;
}

export type TransientEnd =
  | { readonly kind: 'succeeded' }
  /** `tail`: the end of what it printed. `mayRun`: it is not known to have ended. */
  | { readonly kind: 'failed'; readonly why: string; readonly tail: string; readonly mayRun: boolean };

export interface TransientUnits {
  /** Runs it to its end, or waits for the end of the one that runs already. Never rejects. */
  run(unit: TransientUnit): Promise<TransientEnd>;
  /** Waits until none of this name runs, as long as systemd lets it. Begins none. Never rejects. */
  settle(name: string): Promise<void>;
}

export interface TransientOptions {
  readonly clock?: Clock;
  readonly systemctl?: typeof callSystemctl;
  readonly systemdRun?: (args: readonly string[], timeoutMs: number) => Promise<ProgramResult>;
}

/** The implementation by systemd-run. Needs root and the system's message bus. */
export function transientUnits({
  clock = systemClock,
  systemctl = callSystemctl,
  systemdRun = runSystemdRun,
}: TransientOptions = {}): TransientUnits {
  return { run, settle };

  async function run(unit: TransientUnit): Promise<TransientEnd> {
    const service = `${unit.name}.service`;
    const before = await look(service);
    // It may be running: what is not known to have ended is not stopped.
    if (before === undefined)
      return { kind: 'failed', why: `systemd does not say whether ${service} runs`, tail: '', mayRun: true };
    if (before.get('ActiveState') !== 'activating') {
      await forget(service);
      await rm(unit.outputFile, { force: true });
      const started = await systemdRun(startArguments(unit), callTimeoutMs);
      if (started.kind !== 'exited' || started.code !== 0) {
        const why = describeResult('systemd-run', started);
        return { kind: 'failed', why, tail: '', mayRun: started.kind === 'timedOut' };
      }
    }
    const end = await awaitEnd(unit, service);
    await forget(service);
    return end;
  }

  async function settle(name: string): Promise<void> {
    // Its own deadline is systemd's business, so it ends.
    for (;;) {
      const shown = await look(`${name}.service`);
      if (shown !== undefined && shown.get('ActiveState') !== 'activating') break;
      await clock.sleep(pollMs);
    }
    await forget(`${name}.service`);
  }

  async function awaitEnd(unit: TransientUnit, service: string): Promise<TransientEnd> {
    const untilMs = clock.monotonicMs() + unit.timeoutMs + graceMs;
    const [program] = unit.argv;
    const failed = async (why: string, mayRun = false): Promise<TransientEnd> => {
      return { kind: 'failed', why, tail: await tailOf(unit.outputFile), mayRun };
    };
    for (;;) {
      const shown = await look(service);
      switch (shown?.get('ActiveState')) {
        case 'active':
          return { kind: 'succeeded' };
        case 'failed':
          return failed(whyFailed(program, shown!));
        case 'inactive':
          // Gone before its end was seen: somebody stopped it, or systemd was executed anew.
          return failed(`${program} was stopped`);
      }
      if (clock.monotonicMs() > untilMs) return failed(`${program} does not end`, true);
      await clock.sleep(pollMs);
    }
  }

  /** Undefined where systemd does not answer this time. */
  async function look(service: string): Promise<ReadonlyMap<string, string> | undefined> {
    const properties = 'ActiveState,Result,ExecMainCode,ExecMainStatus';
    const result = await systemctl(['show', '--no-pager', '-p', properties, service], callTimeoutMs);
    return result.kind === 'exited' && result.code === 0 ? parseShow(result.stdout) : undefined;
  }

  /** One that has ended stays until then, with its result. Both fail where it is gone already. */
  async function forget(service: string): Promise<void> {
    await systemctl(['stop', '--no-ask-password', service], callTimeoutMs);
    await systemctl(['reset-failed', '--no-ask-password', service], callTimeoutMs);
  }
}

/** What systemd is asked for: told apart so that a test sees that nothing else is on the command line. */
export function startArguments({ name, argv, environment, timeoutMs, outputFile }: TransientUnit): string[] {
  return [
    `--unit=${name}`,
    '--no-ask-password',
    '--quiet',
    '--no-block',
    '--service-type=oneshot',
    '--remain-after-exit',
    `--property=TimeoutStartSec=${Math.ceil(timeoutMs / 1000)}`,
    `--property=StandardOutput=file:${outputFile}`,
    `--property=StandardError=file:${outputFile}`,
    ...Object.entries({ ...plainEnvironment, ...environment }).map(
      ([key, value]) => `--setenv=${key}=${value}`,
    ),
    '--',
    ...argv,
  ];
}

function whyFailed(program: string, shown: ReadonlyMap<string, string>): string {
  const result = shown.get('Result');
  if (result === 'timeout') return `${program} did not end in time`;
  return result === 'exit-code'
    ? `${program} exited with ${shown.get('ExecMainStatus')}`
    : `${program} failed (${result})`;
}

async function tailOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().slice(-tailCharsMax);
}

function runSystemdRun(args: readonly string[], timeoutMs: number): Promise<ProgramResult> {
  return runProgram('systemd-run', args, { timeoutMs, maxBytes: 64 * 1024 });
}
