/**
 * etcd under systemd. Every call of systemctl and journalctl in the product is in this file: fixed argument lists, no shell, a
 * deadline on each, never a question to a terminal.
 */
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.js';
import { FileError } from './file-error.js';
import type { Files } from './files.js';
import { linesByRun } from './journal-lines.js';
import { linuxFiles } from './linux-files.js';
import { isSameProcess, type ProcessIdentity, processIdentity } from './processes.js';
import { describeResult, type ProgramResult, plainEnvironment, runProgram } from './run.js';
import {
  type EtcdUnit,
  glanceMsMax,
  ServiceError,
  type ServiceManager,
  type ServiceState,
} from './services.js';
import { parseShow, type ShownProperties, stateFromProperties, stateProperties } from './systemctl-show.js';
import { textTail } from './text-tail.js';
import { renderBaseUnit, renderDropIn, unitFileHead } from './unit-file.js';
import { renderSandbox, sandboxFileName } from './unit-sandbox.js';

const callTimeoutMs = 10_000;
/** daemon-reload runs every generator of the host; slow hosts need their time. */
const reloadTimeoutMs = 60_000;
const pollMs = 100;
/** How long the kernel may take to end a process after SIGKILL before we call it stuck (a dead disk, usually). */
const killGraceMs = 10_000;
/** A panic of Go is rarely more than 200 lines. */
const journalLines = 400;
/** What these lines can be at most: journald cuts each at 48 KiB, and some 2 KiB of fields come with it. */
const journalBytesMax = journalLines * 50 * 1024;

export interface SystemdOptions {
  /** Unit name with suffix, default `etcd.service`. */
  readonly name?: string;
  /** Where unit files of the administrator live, default `/etc/systemd/system`. */
  readonly unitDirectory?: string;
  readonly files?: Files;
  readonly clock?: Clock;
  /** Runs systemctl with these arguments; replaced in tests. */
  readonly systemctl?: (args: readonly string[], timeoutMs: number) => Promise<ProgramResult>;
  /** Runs journalctl likewise. */
  readonly journalctl?: (args: readonly string[], timeoutMs: number) => Promise<ProgramResult>;
}

/** The unit as systemd has it now, for preflight: what a distribution's unit would pass to etcd. Texts as `systemctl show` prints them. */
export type UnitReading =
  | { readonly kind: 'missing' }
  | { readonly kind: 'masked' }
  | {
      readonly kind: 'loaded';
      readonly fragmentPath: string;
      readonly dropInPaths: readonly string[];
      readonly type: string;
      readonly user: string;
      readonly group: string;
      /** `{ path=… ; argv[]=… ; … }` */
      readonly execStart: string;
      /** `A=1 B=2` */
      readonly environment: string;
      /** `/etc/etcd/etcd.conf (ignore_errors=yes)`, one per line. */
      readonly environmentFiles: string;
      /** `enabled`, `disabled`, `static` … */
      readonly unitFileState: string;
    }
  | { readonly kind: 'unknown'; readonly why: string };

export interface SystemdServiceManager extends ServiceManager {
  readonly kind: 'systemd';
  readUnit(): Promise<UnitReading>;
  /** Forbids every start, also by a package that is being installed. Fails where the administrator has a unit file of that name. */
  mask(): Promise<void>;
  unmask(): Promise<void>;
}

const readingProperties = [
  'LoadState',
  'FragmentPath',
  'DropInPaths',
  'Type',
  'User',
  'Group',
  'ExecStart',
  'Environment',
  'EnvironmentFiles',
  'UnitFileState',
] as const;

/** The systemd implementation of the ServiceManager port. Acting needs root. */
export function systemdServices(options: SystemdOptions = {}): SystemdServiceManager {
  const name = options.name ?? 'etcd.service';
  const unitDirectory = options.unitDirectory ?? '/etc/systemd/system';
  const files = options.files ?? linuxFiles;
  const clock = options.clock ?? systemClock;
  const systemctl = options.systemctl ?? callSystemctl;
  const journalctl = options.journalctl ?? runJournalctl;

  /** The last observation of a running etcd. */
  let seen:
    | { readonly state: ServiceState; readonly atMs: number; readonly process: ProcessIdentity }
    | undefined;

  /** How often something was done here. */
  let acts = 0;

  async function act(operation: string, args: readonly string[], timeoutMs = callTimeoutMs): Promise<void> {
    const result = await systemctl(args, timeoutMs).finally(() => {
      acts += 1;
      seen = undefined;
    });
    if (result.kind !== 'exited' || result.code !== 0) {
      const detail = describeResult(`systemctl ${args.join(' ')}`, result);
      throw new ServiceError(operation, detail, result.kind === 'timedOut');
    }
  }

  async function show(properties: readonly string[]): Promise<ShownProperties | string> {
    const args = ['show', '--no-pager', '-p', properties.join(','), name];
    const result = await systemctl(args, callTimeoutMs);
    return result.kind === 'exited' && result.code === 0
      ? parseShow(result.stdout)
      : describeResult('systemctl show', result);
  }

  async function observe(): Promise<ServiceState> {
    const shown = await show(stateProperties);
    if (typeof shown === 'string') {
      return { kind: 'unknown', why: shown };
    }
    // hrtime reads CLOCK_MONOTONIC, the clock of systemd's own timestamps; the Clock port's zero is elsewhere.
    return stateFromProperties(shown, clock.now(), Number(process.hrtime.bigint() / 1_000_000n));
  }

  /** A call of systemctl costs as much CPU, here and in systemd, as all else that an idle agent does in a second. */
  async function glance(): Promise<ServiceState> {
    const atMs = clock.monotonicMs();
    if (seen !== undefined && atMs - seen.atMs <= glanceMsMax && (await isSameProcess(seen.process)))
      return seen.state;
    seen = undefined;
    const before = acts;
    const state = await observe();
    if (state.kind !== 'active') return state;
    const looked = await processIdentity(state.pid);
    if (looked.kind === 'running' && acts === before) seen = { state, atMs, process: looked.identity };
    return state;
  }

  async function install(unit: EtcdUnit): Promise<{ changed: boolean }> {
    const shown = await show(stateProperties);
    if (typeof shown === 'string') {
      throw new ServiceError('install', shown, true);
    }
    if (shown.get('LoadState') === 'masked') {
      const next = `${name} is masked; allow it first: systemctl unmask ${name}`;
      throw new ServiceError('install', next, false);
    }
    const unitPath = join(unitDirectory, name);
    const dropInDirectory = `${unitPath}.d`;
    const oursAlready = (await currentText(unitPath)).startsWith(unitFileHead);
    const base = shown.get('LoadState') === 'not-found' || oursAlready;
    // Render all before writing one: a refused path must leave nothing half done.
    const dropInText = renderDropIn(unit);
    const sandboxText = renderSandbox(unit);
    const unitText = renderBaseUnit(unit);
    const unitChanged = base && (await writeIfDifferent(unitPath, unitText));
    if (!(await files.exists(dropInDirectory))) {
      await files.makeDirectory(dropInDirectory, { mode: 0o755 });
    }
    const dropInChanged = await writeIfDifferent(join(dropInDirectory, 'zz-etcd-agent.conf'), dropInText);
    const sandboxChanged = await writeIfDifferent(join(dropInDirectory, sandboxFileName), sandboxText);
    const changed = unitChanged || dropInChanged || sandboxChanged;
    if (changed || shown.get('NeedDaemonReload') === 'yes') {
      await act('install', ['daemon-reload', '--no-ask-password'], reloadTimeoutMs);
    }
    return { changed };
  }

  async function currentText(path: string): Promise<string> {
    try {
      return await files.readText(path);
    } catch (error) {
      if (error instanceof FileError && error.missing) {
        return '';
      }
      throw new ServiceError('install', `${path} cannot be read`, false, error);
    }
  }

  async function writeIfDifferent(path: string, text: string): Promise<boolean> {
    if ((await currentText(path)) === text) {
      return false;
    }
    try {
      await files.writeAtomic(path, text, { mode: 0o644 });
    } catch (error) {
      const retryable = error instanceof FileError && error.retryable;
      throw new ServiceError(
        'install',
        error instanceof Error ? error.message : String(error),
        retryable,
        error,
      );
    }
    return true;
  }

  async function enable(): Promise<void> {
    // It makes systemd load every unit again, which takes seconds on a busy host: a decision that is carried out meanwhile
    // grows too old, and so would its next try.
    const shown = await show(['UnitFileState']);
    if (typeof shown !== 'string' && shown.get('UnitFileState') === 'enabled') return;
    await act('enable', ['enable', '--no-ask-password', name], reloadTimeoutMs);
  }

  async function disable(): Promise<void> {
    await act('disable', ['disable', '--no-ask-password', name], reloadTimeoutMs);
    // systemctl passes a masked unit over, and what wants it would start it once it is masked no more.
    const shown = await show(['LoadState']);
    if (typeof shown === 'string') throw new ServiceError('disable', shown, true);
    if (shown.get('LoadState') === 'masked') await removeWants();
  }

  /** The links by which other units want this one, as `systemctl enable` makes them. */
  async function removeWants(): Promise<void> {
    const directories = (await files.list(unitDirectory)).filter((each) => /\.(wants|requires)$/.test(each));
    for (const each of directories) await files.remove(join(unitDirectory, each, name));
  }

  async function start(): Promise<void> {
    // Also empties the start-limit counter. Fails for a unit that never ran, which is no reason not to start it.
    await systemctl(['reset-failed', '--no-ask-password', name], callTimeoutMs);
    await act('start', ['start', '--no-block', '--no-ask-password', name]);
  }

  async function stop(deadlineMs: number): Promise<void> {
    const before = await observe();
    if (before.kind === 'missing') {
      return;
    }
    await act('stop', ['stop', '--no-block', '--no-ask-password', name]);
    if (deadlineMs > 0 && (await goneWithin(deadlineMs))) {
      return;
    }
    // Whether it worked is seen by what is left: `systemctl kill` fails ("not loaded", "no main process") for a unit that
    // ended by itself a moment before.
    const args = ['kill', '--no-ask-password', '--signal=SIGKILL', name];
    const killed = await systemctl(args, callTimeoutMs);
    if (await goneWithin(killGraceMs)) {
      return;
    }
    const complaint =
      killed.kind === 'exited' && killed.code === 0
        ? ''
        : `; ${describeResult(`systemctl ${args.join(' ')}`, killed)}`;
    throw new ServiceError('stop', `it did not end within ${killGraceMs} ms of SIGKILL${complaint}`, true);
  }

  async function goneWithin(limitMs: number): Promise<boolean> {
    const untilMs = clock.monotonicMs() + limitMs;
    for (;;) {
      const { kind } = await observe();
      if (kind === 'inactive' || kind === 'failed' || kind === 'conditionFailed' || kind === 'missing') {
        return true;
      }
      if (clock.monotonicMs() >= untilMs) {
        return false;
      }
      await clock.sleep(pollMs);
    }
  }

  async function lastWords(bytesMax: number): Promise<string> {
    // With --all: what is long would be left out.
    const args = ['-u', name, '-o', 'json', '--all', '--no-pager', '--quiet', '-n', String(journalLines)];
    const result = await journalctl(args, callTimeoutMs);
    if (result.kind !== 'exited' || result.code !== 0) {
      throw new ServiceError('read the log of', describeResult('journalctl', result), true);
    }
    return textTail(Buffer.from(linesByRun(result.stdout)), bytesMax);
  }

  async function readUnit(): Promise<UnitReading> {
    const shown = await show(readingProperties);
    if (typeof shown === 'string') {
      return { kind: 'unknown', why: shown };
    }
    const value = (key: (typeof readingProperties)[number]) => shown.get(key) ?? '';
    switch (value('LoadState')) {
      case 'not-found':
        return { kind: 'missing' };
      case 'masked':
        return { kind: 'masked' };
      case 'loaded':
        return {
          kind: 'loaded',
          fragmentPath: value('FragmentPath'),
          dropInPaths: value('DropInPaths').split(' ').filter(Boolean),
          type: value('Type'),
          user: value('User'),
          group: value('Group'),
          execStart: value('ExecStart'),
          environment: value('Environment'),
          environmentFiles: value('EnvironmentFiles'),
          unitFileState: value('UnitFileState'),
        };
      default:
        return { kind: 'unknown', why: `systemd reports LoadState=${value('LoadState')}` };
    }
  }

  return {
    kind: 'systemd',
    describe: () => ({ manager: 'systemd', name, logCommand: `journalctl -u ${name}` }),
    observe,
    glance,
    install,
    start,
    stop,
    enable,
    disable,
    lastWords,
    onChange: () => () => undefined,
    close: async () => undefined,
    readUnit,
    mask: () => act('mask', ['mask', '--no-ask-password', name], reloadTimeoutMs),
    unmask: () => act('unmask', ['unmask', '--no-ask-password', name], reloadTimeoutMs),
  };
}

/** Runs systemctl with these arguments. */
export function callSystemctl(args: readonly string[], timeoutMs: number): Promise<ProgramResult> {
  return runProgram('systemctl', args, { timeoutMs, maxBytes: 256 * 1024, env: plainEnvironment });
}

function runJournalctl(args: readonly string[], timeoutMs: number): Promise<ProgramResult> {
  return runProgram('journalctl', args, { timeoutMs, maxBytes: journalBytesMax, env: plainEnvironment });
}
