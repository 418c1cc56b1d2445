/**
 * Whoever runs etcd on one simulated host. Like systemd, it outlives agents and starts an enabled etcd at boot; or like the
 * agent's own supervisor, it ends with its agent, whose etcd runs on. Rule one and the clearance are checked by the same
 * code as on a real host.
 */
import { parseEtcdConf } from '@etcd-agent/etcd';
import {
  type EtcdUnit,
  type ExitCause,
  glanceMsMax,
  ServiceError,
  type ServiceManager,
  type ServiceState,
  startCondition,
} from '@etcd-agent/platform';
import type { SimChance } from './chance.js';
import type { Cancel, SimClock } from './clock.js';
import type { EtcdModel, EtcdProcess } from './etcd-model.js';
import type { SimDisk } from './sim-disk.js';
import { simFiles } from './sim-files.js';
import { SimProcess } from './sim-process.js';

export type ServiceFlavour = 'systemd' | 'process';

export interface ServiceOutside {
  readonly node: string;
  readonly flavour: ServiceFlavour;
  readonly clock: SimClock;
  readonly chance: SimChance;
  readonly disk: SimDisk;
  readonly etcd: EtcdModel;
  readonly bootId: () => string;
  /** An agent is about to end a live etcd, or to start one. It may be dead afterwards, and does nothing then. */
  readonly onAgentStop: () => void;
  readonly onAgentStart: () => void;
}

type Phase =
  | { readonly kind: 'stopped'; readonly result: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'waiting'; readonly lastExit: ExitCause; readonly cancel: Cancel }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'failed'; readonly lastExit: ExitCause };

interface Run {
  readonly process: EtcdProcess;
  readonly startedMs: number;
  notified: boolean;
  hanging: boolean;
  stopping: boolean;
}

/** As in the drop-in and in the supervisor. */
const firstRestartMs = 100;
const restartMsMax = 60_000;
const wellAfterMs = 60_000;
const startLimit = { withinMs: 60_000, starts: 3 };
/** Forking, exec and a manager that has other things to do. */
const spawnMs = 5;
const logBytesMax = 64 * 1024;

export class SimService {
  #unit: EtcdUnit | undefined;
  #phase: Phase = { kind: 'stopped', result: 'not running' };
  #run: Run | undefined;
  /** systemd: enabled. process: started and not stopped since. */
  #wanted = false;
  #failures = 0;
  #starts: number[] = [];
  #log = '';
  /** The agent whose supervisor runs; systemd needs none. */
  #agent: SimProcess | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #system: SimProcess;

  constructor(private readonly outside: ServiceOutside) {
    this.#system = new SimProcess(`${outside.node}/init`);
  }

  get flavour(): ServiceFlavour {
    return this.outside.flavour;
  }

  get process(): EtcdProcess | undefined {
    return this.#run?.process;
  }

  get hanging(): boolean {
    return this.#run?.hanging === true;
  }

  get unit(): EtcdUnit | undefined {
    return this.#unit;
  }

  get phase(): Phase['kind'] {
    return this.#phase.kind;
  }

  /** The port of one agent process. */
  open(agent: SimProcess): ServiceManager {
    const { flavour } = this.outside;
    if (flavour === 'process') this.#takeOver(agent);
    const ask = <T>(act: () => T): Promise<T> =>
      agent.answer(({ resolve, reject }) => {
        try {
          resolve(act());
        } catch (error) {
          reject(error as Error);
        }
      });
    // A host's agent does not see at once that somebody has asked a running etcd to end.
    let seen: { readonly state: ServiceState; readonly atMs: number; readonly run: Run } | undefined;
    const glance = () => {
      const atMs = this.outside.clock.nowMs;
      if (seen !== undefined && seen.run === this.#run && atMs - seen.atMs <= glanceMsMax) return seen.state;
      const state = this.#state();
      const run = flavour === 'systemd' && state.kind === 'active' ? this.#run : undefined;
      seen = run === undefined ? undefined : { state, atMs, run };
      return state;
    };
    return {
      kind: flavour,
      describe: () => ({ manager: flavour, name: 'etcd.service', logCommand: 'journalctl -u etcd' }),
      observe: () => ask(() => this.#state()),
      glance: () => ask(glance),
      install: (unit) =>
        ask(() => {
          const changed = JSON.stringify(unit) !== JSON.stringify(this.#unit);
          this.#unit = unit;
          return { changed };
        }),
      start: () =>
        ask(() => {
          this.outside.onAgentStart();
          if (!agent.dead) this.#askForStart();
        }),
      stop: (deadlineMs) =>
        agent.answer(({ resolve }) => {
          seen = undefined;
          if (this.#run !== undefined) this.outside.onAgentStop();
          if (!agent.dead) this.stop(deadlineMs, () => resolve(undefined));
        }),
      enable: () =>
        ask(() => {
          if (flavour === 'systemd') this.#wanted = true;
        }),
      disable: () =>
        ask(() => {
          if (flavour === 'systemd') this.#wanted = false;
        }),
      lastWords: (bytesMax) => ask(() => this.#log.slice(-bytesMax)),
      onChange: (listener) => {
        if (flavour === 'systemd') return () => undefined;
        const own = () => listener();
        this.#listeners.add(own);
        return () => this.#listeners.delete(own);
      },
      close: () => ask(() => undefined),
    };
  }

  /** Ends etcd, politely first; it stays stopped. */
  stop(deadlineMs: number, then: () => void = () => undefined): void {
    if (this.outside.flavour === 'process') this.#wanted = false;
    this.#leaveWaiting();
    const run = this.#run;
    if (run === undefined) {
      this.#become({ kind: 'stopped', result: this.#stoppedResult() });
      this.outside.clock.after(1, then);
      return;
    }
    run.stopping = true;
    this.#change();
    let told = false;
    const tell = () => {
      if (told) return;
      told = true;
      then();
    };
    const kill = () => {
      if (run.process.running) run.process.kill();
      this.outside.clock.after(1, tell);
    };
    if (deadlineMs <= 0) kill();
    else {
      const late = this.outside.clock.after(deadlineMs, kill);
      void run.process.stop().then(() => {
        late();
        this.outside.clock.after(1, tell);
      });
    }
  }

  /** A person, or systemd at boot. */
  start(): void {
    this.#askForStart();
  }

  kill(): void {
    this.#run?.process.kill();
  }

  hang(): void {
    // What systemd has been told before, it knows.
    this.#state();
    if (this.#run === undefined) return;
    this.#run.hanging = true;
    this.#run.process.hang(true);
  }

  powerCut(): void {
    const run = this.#run;
    this.#run = undefined;
    this.#leaveWaiting();
    this.#phase = { kind: 'stopped', result: 'not running' };
    this.#listeners.clear();
    this.#agent = undefined;
    run?.process.kill();
    this.#failures = 0;
    this.#starts = [];
  }

  boot(): void {
    if (this.outside.flavour === 'systemd' && this.#wanted) this.#askForStart();
  }

  #takeOver(agent: SimProcess): void {
    this.#agent = agent;
    this.#failures = 0;
    this.#listeners.clear();
    agent.atEnd(() => {
      if (this.#agent !== agent) return;
      this.#leaveWaiting();
      this.#listeners.clear();
      this.#agent = undefined;
    });
    if (this.#run === undefined)
      this.#phase = {
        kind: 'stopped',
        result: this.#wanted ? 'ended while nobody watched' : 'not running',
      };
  }

  #state(): ServiceState {
    if (this.#unit === undefined) return { kind: 'missing' };
    const run = this.#run;
    if (run !== undefined) {
      const { pid } = run.process;
      if (run.stopping) return { kind: 'deactivating', pid };
      run.notified ||= run.process.ready;
      const startedAt = new Date(this.#wallMs() - (this.outside.clock.nowMs - run.startedMs));
      return this.outside.flavour === 'process' || run.notified
        ? { kind: 'active', pid, startedAt }
        : { kind: 'activating', pid, startedAt };
    }
    switch (this.#phase.kind) {
      case 'waiting':
        return { kind: 'restarting', lastExit: this.#phase.lastExit, endsInARow: this.#failures };
      case 'refused':
        return { kind: 'conditionFailed', why: this.#phase.why };
      case 'failed':
        return {
          kind: 'failed',
          result: 'start-limit-hit',
          lastExit: this.#phase.lastExit,
          endsInARow: this.#failures,
        };
      case 'running':
        return { kind: 'activating' };
      case 'stopped':
        return { kind: 'inactive', result: this.#phase.result, enabled: this.#wanted ? 'yes' : 'no' };
    }
  }

  #askForStart(): void {
    if (this.#unit === undefined) throw new ServiceError('start', 'no unit is installed', false);
    if (this.outside.flavour === 'process') this.#wanted = true;
    this.#starts = [];
    if (this.#run !== undefined || this.#phase.kind === 'running') return;
    this.#failures = 0;
    this.#leaveWaiting();
    void this.#launch();
  }

  async #launch(): Promise<void> {
    const unit = this.#unit!;
    this.#become({ kind: 'running' });
    const { clock, chance, disk, etcd, node } = this.outside;
    const files = simFiles({
      disk,
      clock,
      chance,
      process: this.#system,
      freeBytes: () => 0,
      onChange: () => undefined,
    });
    const condition = await startCondition(files, unit, async () => this.outside.bootId());
    if (condition.kind === 'unmet') {
      this.#become({ kind: 'refused', why: condition.why });
      return;
    }
    if (this.#phase.kind !== 'running' || this.#run !== undefined) return;
    const conf = readConf(disk, unit.environmentFile);
    if (conf === undefined) {
      this.#retry({ kind: 'notStarted', message: `${unit.environmentFile} cannot be read` });
      return;
    }
    this.#starts.push(clock.nowMs);
    const ts = new Date(this.#wallMs()).toISOString();
    this.#write(`{"level":"info","ts":"${ts}","msg":"Running: ","args":["${unit.binary}"]}`);
    etcd.setDisk(node, disk.member(unit.dataDir));
    let run: Run | undefined;
    const process = etcd.start(node, conf, {
      onWal: (member) => disk.putMember(unit.dataDir, member),
      onEnd: (cause, lastWords) => {
        if (lastWords !== '') this.#write(lastWords);
        // It may end before `start` has returned it.
        clock.after(0, () => this.#afterEnd(run, cause));
      },
    });
    run = { process, startedMs: clock.nowMs, notified: false, hanging: false, stopping: false };
    this.#run = run;
    this.#change();
  }

  #afterEnd(run: Run | undefined, cause: ExitCause): void {
    if (run === undefined || this.#run !== run) return;
    this.#run = undefined;
    const { clock, flavour } = this.outside;
    if (flavour === 'systemd' && (run.stopping || endedByItself(cause))) this.#endClearance();
    if (clock.nowMs - run.startedMs >= wellAfterMs) this.#failures = 0;
    if (run.stopping) this.#become({ kind: 'stopped', result: this.#stoppedResult() });
    else if (flavour === 'process' && this.#agent === undefined)
      this.#become({ kind: 'stopped', result: 'ended while nobody watched' });
    else if (flavour === 'process' && !this.#wanted) this.#become({ kind: 'stopped', result: 'ended' });
    else this.#retry(cause);
  }

  #retry(lastExit: ExitCause): void {
    this.#failures += 1;
    const { clock, chance, flavour } = this.outside;
    if (flavour === 'systemd') {
      const recent = this.#starts.filter((at) => clock.nowMs - at < startLimit.withinMs);
      if (recent.length >= startLimit.starts) {
        this.#become({ kind: 'failed', lastExit });
        return;
      }
    }
    const delayMs =
      flavour === 'systemd' || this.#failures <= 1
        ? firstRestartMs
        : Math.min(1_000 * 2 ** (this.#failures - 2), restartMsMax) * (1 + 0.2 * chance.fraction());
    const agent = this.#agent ?? this.#system;
    const cancel = clock.after(delayMs + spawnMs, () =>
      agent.deliver(() => {
        if (this.#phase.kind === 'waiting' && this.#phase.cancel === cancel) void this.#launch();
      }),
    );
    this.#become({ kind: 'waiting', lastExit, cancel });
  }

  /** As the drop-in's ExecStopPost. */
  #endClearance(): void {
    const clearance = this.#unit?.clearanceFile;
    if (clearance !== undefined) this.outside.disk.unlink(clearance);
  }

  #leaveWaiting(): void {
    if (this.#phase.kind !== 'waiting') return;
    this.#phase.cancel();
    this.#phase = { kind: 'stopped', result: this.#stoppedResult() };
  }

  #stoppedResult(): string {
    return this.outside.flavour === 'systemd' ? 'success' : 'stopped';
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.#change();
  }

  #change(): void {
    for (const listener of this.#listeners) {
      const agent = this.#agent;
      agent?.deliver(() => listener());
    }
  }

  #write(text: string): void {
    this.#log = `${this.#log}${text}\n`.slice(-logBytesMax);
  }

  #wallMs(): number {
    return this.outside.clock.forProcess(this.#system).now().getTime();
  }
}

/** Where systemd says "success". */
function endedByItself(cause: ExitCause): boolean {
  return (
    (cause.kind === 'exited' && cause.code === 0) ||
    (cause.kind === 'signalled' && cause.signal === 'SIGTERM')
  );
}

function readConf(disk: SimDisk, path: string) {
  if (disk.entry(path)?.kind !== 'file') return undefined;
  const parsed = parseEtcdConf(new TextDecoder().decode(disk.read(path)));
  return parsed.kind === 'ok' ? parsed.settings : undefined;
}
