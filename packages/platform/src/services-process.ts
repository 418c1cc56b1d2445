/**
 * etcd without systemd: this process starts it, notices its end and starts it again, for containers and laptops. etcd
 * outlives this process; the next one adopts it by pid and start time, or, when a crash fell between the spawn and the
 * record of it, by the marker in its environment, so that a second etcd is never started beside a first.
 *
 * What ends while it is watched is started again here. What ended while nobody watched is not: that is an unclean end, and
 * before such a start the agent has to compare the disk with what the peers remember.
 *
 * One manager per state file at a time: whoever opens it holds the exclusive lock of the directory around it.
 */
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from './clock.js';
import { FileError } from './file-error.js';
import type { Files } from './files.js';
import { linuxFiles } from './linux-files.js';
import { type Logger, silentLogger } from './logger.js';
import { isSameProcess, type ProcessIdentity } from './processes.js';
import { restartDelayMs, wellAfterMs } from './restart-delay.js';
import {
  type EtcdUnit,
  type ExitCause,
  type ServiceDescription,
  ServiceError,
  type ServiceManager,
  type ServiceState,
} from './services.js';
import { startCondition } from './start-condition.js';
import {
  endSupervised,
  findByMarker,
  type SupervisedProcess,
  spawnSupervised,
  watchAdopted,
} from './supervised-process.js';
import {
  loadRecord,
  type SupervisedChild,
  type SupervisionRecord,
  saveRecord,
} from './supervision-record.js';

export interface ProcessServicesOptions {
  /** Where the manager remembers its etcd, e.g. `/var/lib/etcd-agent/etcd-process.json`. */
  readonly stateFile: string;
  readonly files?: Files;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** How often an adopted etcd is looked at, milliseconds; the end of our own child is noticed at once. Default 500. */
  readonly pollMs?: number;
  /** At least 0, less than 1: the jitter of restarts. Default Math.random. */
  readonly chance?: () => number;
}

/** A spawn cut in half by our predecessor's death shows its marker only after exec; by then it has. */
const execGraceMs = 250;

/** One etcd process from its start to its end. */
interface Run {
  readonly kind: 'running';
  readonly process: SupervisedProcess;
  readonly startedAt: Date;
  readonly startedMs: number;
  stopping: boolean;
}

type Phase =
  | { readonly kind: 'stopped'; readonly result: string }
  | Run
  | { readonly kind: 'waiting'; readonly lastExit: ExitCause; readonly cancel: AbortController }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Opens the manager: adopts the etcd of the state file when it runs, and starts nothing when it does not. One that should
 * run and does not is `inactive`, `ended while nobody watched`, `enabled: 'yes'` until somebody starts or stops it. Throws
 * a ServiceError when the state file cannot be used.
 */
export async function openProcessServices(options: ProcessServicesOptions): Promise<ServiceManager> {
  const files = options.files ?? linuxFiles;
  const supervisor = new Supervisor(options, files, await loadRecord(files, options.stateFile));
  await supervisor.takeOver();
  return supervisor;
}

class Supervisor implements ServiceManager {
  readonly kind = 'process';
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly closing = new AbortController();
  private readonly listeners = new Set<() => void>();
  /** Changed by `become` alone. */
  private phase: Phase = { kind: 'stopped', result: 'not running' };
  private failures = 0;
  /** Operations take turns; this is the end of the line. */
  private line: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: ProcessServicesOptions,
    private readonly files: Files,
    private record: SupervisionRecord,
  ) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
  }

  describe(): ServiceDescription {
    const { stateFile } = this.options;
    return { manager: 'process', name: stateFile, logCommand: `tail -n 100 ${this.logFile()}` };
  }

  /** Costs nothing here. */
  glance(): Promise<ServiceState> {
    return this.observe();
  }

  async observe(): Promise<ServiceState> {
    const { phase, record } = this;
    if (record.unit === undefined) {
      return { kind: 'missing' };
    }
    switch (phase.kind) {
      case 'running': {
        const { pid } = phase.process.identity;
        return phase.stopping
          ? { kind: 'deactivating', pid }
          : { kind: 'active', pid, startedAt: phase.startedAt };
      }
      case 'waiting':
        return { kind: 'restarting', lastExit: phase.lastExit, endsInARow: this.failures };
      case 'refused':
        return { kind: 'conditionFailed', why: phase.why };
      case 'stopped':
        return { kind: 'inactive', result: phase.result, enabled: record.wanted ? 'yes' : 'no' };
    }
  }

  install(unit: EtcdUnit): Promise<{ changed: boolean }> {
    return this.inTurn(async () => {
      const changed = !isDeepStrictEqual(this.record.unit, unit);
      if (changed) {
        await this.remember({ unit });
      }
      return { changed };
    });
  }

  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.record.unit === undefined) {
        throw new ServiceError('start', 'no unit is installed', false);
      }
      await this.remember({ wanted: true });
      if (this.phase.kind !== 'running') {
        this.failures = 0;
        await this.launch();
      }
    });
  }

  stop(deadlineMs: number): Promise<void> {
    return this.inTurn(async () => {
      // First on disk: an agent killed in the middle of a stop must not start etcd again.
      await this.remember({ wanted: false });
      const { phase } = this;
      if (phase.kind === 'running') {
        phase.stopping = true;
        this.changed();
        await endSupervised(phase.process, deadlineMs, this.clock).finally(() => {
          phase.stopping = false;
          this.changed();
        });
      }
      await this.becomeStopped('stopped');
    });
  }

  async enable(): Promise<void> {}

  async disable(): Promise<void> {}

  async lastWords(bytesMax: number): Promise<string> {
    try {
      return await this.files.readTail(this.logFile(), bytesMax);
    } catch (error) {
      if (error instanceof FileError && error.missing) {
        return '';
      }
      const detail = error instanceof Error ? error.message : String(error);
      throw new ServiceError('read the log of', detail, false, error);
    }
  }

  onChange(listener: () => void): () => void {
    // A function of its own per call, so that the same listener may be given twice.
    const own = () => listener();
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.leaveWaiting();
    await this.line.catch(() => undefined);
    // An operation that was in the line may have started a new wait.
    this.leaveWaiting();
  }

  /** Called once, before anybody else can: settles what the predecessor left. */
  async takeOver(): Promise<void> {
    const { child } = this.record;
    const found = await this.runningChild(child);
    if (found !== undefined && child.kind !== 'none') {
      const startedAt = child.kind === 'running' ? child.startedAt : this.clock.now().toISOString();
      if (child.kind === 'starting') {
        await this.remember({ child: { kind: 'running', marker: child.marker, identity: found, startedAt } });
      }
      const { clock, closing, options } = this;
      this.follow(watchAdopted(found, clock, options.pollMs ?? 500, closing.signal), new Date(startedAt));
      this.logger.info(
        { pid: found.pid, by: child.kind === 'running' ? 'identity' : 'marker' },
        'adopted etcd',
      );
    } else {
      // Wanted without a child: a start that was refused, or an end that another predecessor found.
      const ended = this.record.wanted || child.kind !== 'none';
      await this.becomeStopped(ended ? 'ended while nobody watched' : 'not running');
    }
  }

  private async runningChild(child: SupervisedChild): Promise<ProcessIdentity | undefined> {
    switch (child.kind) {
      case 'none':
        return undefined;
      case 'running':
        return (await isSameProcess(child.identity)) ? child.identity : undefined;
      case 'starting': {
        const found = await findByMarker(child.marker);
        if (found !== undefined) {
          return found;
        }
        await this.clock.sleep(execGraceMs);
        return findByMarker(child.marker);
      }
    }
  }

  /** Starts etcd if rule one allows it. What goes wrong becomes the phase, and another attempt later. */
  private async launch(): Promise<void> {
    const { unit } = this.record;
    this.leaveWaiting();
    if (unit === undefined || this.closing.signal.aborted) {
      return;
    }
    try {
      const condition = await startCondition(this.files, unit);
      if (condition.kind === 'unmet') {
        this.logger.warn({ why: condition.why }, 'etcd is not started');
        this.become({ kind: 'refused', why: condition.why });
        return;
      }
      const marker = randomUUID();
      await this.remember({ child: { kind: 'starting', marker } });
      const outcome = await spawnSupervised(this.files, unit, this.logFile(), marker);
      if (outcome.kind === 'ended') {
        this.retry(outcome.cause);
        return;
      }
      const { identity } = outcome.process;
      const startedAt = this.clock.now();
      this.follow(outcome.process, startedAt);
      this.logger.info({ pid: identity.pid, because: condition.because }, 'started etcd');
      await this.remember({
        child: { kind: 'running', marker, identity, startedAt: startedAt.toISOString() },
      });
    } catch (error) {
      if (this.phase.kind === 'running') {
        // It runs and only its record is old: the marker is on disk, so a successor finds it all the same.
        this.logger.error({ err: error }, 'the supervision record could not be brought up to date');
      } else {
        this.retry({ kind: 'notStarted', message: error instanceof Error ? error.message : String(error) });
      }
    }
  }

  private follow(supervised: SupervisedProcess, startedAt: Date): void {
    const run: Run = {
      kind: 'running',
      process: supervised,
      startedAt,
      startedMs: this.clock.monotonicMs(),
      stopping: false,
    };
    this.become(run);
    supervised.ended
      .then((cause) => this.inTurn(() => this.afterEnd(run, cause)))
      .catch((error: unknown) => this.logger.error({ err: error }, 'supervision of etcd failed'));
  }

  /** The end of a run that nobody asked for; a stop has already changed the phase. */
  private async afterEnd(run: Run, cause: ExitCause): Promise<void> {
    if (this.phase !== run || this.closing.signal.aborted) {
      return;
    }
    if (this.clock.monotonicMs() - run.startedMs >= wellAfterMs) {
      this.failures = 0;
    }
    if (this.record.wanted) {
      this.retry(cause);
    } else {
      await this.becomeStopped('ended');
    }
  }

  private retry(lastExit: ExitCause): void {
    this.failures += 1;
    const delayMs = Math.round(restartDelayMs(this.failures, (this.options.chance ?? Math.random)()));
    const cancel = new AbortController();
    this.logger.warn({ lastExit, delayMs, failures: this.failures }, 'etcd ended; it is started again');
    this.become({ kind: 'waiting', lastExit, cancel });
    this.clock
      .sleep(delayMs, cancel.signal)
      .then(
        () => this.inTurn(async () => (cancel.signal.aborted ? undefined : this.launch())),
        () => undefined,
      )
      .catch((error: unknown) => this.logger.error({ err: error }, 'restart of etcd failed'));
  }

  private async becomeStopped(result: string): Promise<void> {
    this.leaveWaiting();
    this.become({ kind: 'stopped', result });
    if (this.record.child.kind !== 'none') {
      await this.remember({ child: { kind: 'none' } });
    }
  }

  private become(phase: Phase): void {
    this.phase = phase;
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error({ err: error }, 'whoever was told of a change of etcd failed');
      }
    }
  }

  private leaveWaiting(): void {
    if (this.phase.kind === 'waiting') {
      this.phase.cancel.abort();
    }
  }

  /** Changes the record on disk first, then in memory. */
  private async remember(change: Partial<SupervisionRecord>): Promise<void> {
    const next = { ...this.record, ...change };
    if (isDeepStrictEqual(next, this.record)) {
      return;
    }
    await saveRecord(this.files, this.options.stateFile, next);
    this.record = next;
  }

  private inTurn<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.line.then(operation, operation);
    this.line = result.catch(() => undefined);
    return result;
  }

  private logFile(): string {
    return this.record.unit?.logFile ?? join(dirname(this.options.stateFile), 'etcd.log');
  }
}
