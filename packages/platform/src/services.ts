/**
 * Whoever starts and restarts etcd on this host, as a port: systemd on servers, a supervisor of our own in containers
 * and on laptops, a model in the simulated world.
 *
 * Rule one holds in every implementation: etcd is never started on an empty data directory unless the permit file
 * exists. A member that silently starts empty breaks a cluster; see start-condition.ts. Nor is it started before the
 * clearance of this boot, where the unit names one.
 */

/** Everything an implementation needs to run etcd. Plain JSON; paths are absolute. */
export interface EtcdUnit {
  /** The etcd binary. It gets no arguments: configuration is the environment file alone. */
  readonly binary: string;
  /** `KEY="value"` lines (etcd.conf). */
  readonly environmentFile: string;
  readonly dataDir: string;
  /** Left out: `<dataDir>/member/wal`. */
  readonly walDir?: string;
  /** While this file exists, etcd may start on an empty data directory. */
  readonly permitFile: string;
  /**
   * While this file is missing, nobody starts etcd, whatever else is true. The agent writes it after it has compared the
   * disk with what the peers remember; a reboot, or an end that no agent watched, makes it void. Content: the boot id and a
   * line feed. systemd only looks whether it is there, so there it must lie under /run; the process manager also compares
   * the boot id.
   */
  readonly clearanceFile?: string;
  /** Left out: systemd keeps the distribution's user; the process manager keeps its own. */
  readonly user?: string;
  readonly group?: string;
  /** Process manager only: etcd's stdout and stderr. Left out: `etcd.log` beside its state file. */
  readonly logFile?: string;
  readonly workingDirectory?: string;
}

/** How etcd last ended. */
export type ExitCause =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  /** It could not be started at all. */
  | { readonly kind: 'notStarted'; readonly message: string }
  /** It ended while nobody watched. */
  | { readonly kind: 'unknown' };

/**
 * `endsInARow`: how often it ended since it was last well (process: for a minute) or last started by somebody (systemd,
 * which counts only its own restarts). 0 where it is not known.
 */
export type ServiceState =
  /** Nothing is installed under this name. */
  | { readonly kind: 'missing' }
  /** systemd only: `systemctl mask` forbids every start. */
  | { readonly kind: 'masked' }
  /** systemd: etcd said READY (it has joined). process: it runs; only a client call shows whether it has joined. */
  | { readonly kind: 'active'; readonly pid: number; readonly startedAt?: Date }
  /** Started, not ready yet. With systemd this lasts until etcd has joined its cluster. */
  | { readonly kind: 'activating'; readonly pid?: number; readonly startedAt?: Date }
  | { readonly kind: 'deactivating'; readonly pid?: number }
  /** It ended and will be started again without anybody's doing. */
  | { readonly kind: 'restarting'; readonly lastExit: ExitCause; readonly endsInARow: number }
  /**
   * `enabled`, whether it is meant to run all the same. systemd: it is started at boot. process: it was started and not
   * stopped since.
   */
  | { readonly kind: 'inactive'; readonly result: string; readonly enabled: 'yes' | 'no' | 'unknown' }
  /** It ended and nobody will start it again. */
  | {
      readonly kind: 'failed';
      readonly result: string;
      readonly lastExit: ExitCause;
      readonly endsInARow: number;
      /** systemd only; as for `inactive`. */
      readonly enabled?: 'yes' | 'no' | 'unknown';
    }
  /** The last start was refused by rule one, for want of the clearance, or, with systemd, by another condition. */
  | { readonly kind: 'conditionFailed'; readonly why: string }
  /** The service manager did not answer. */
  | { readonly kind: 'unknown'; readonly why: string };

export interface ServiceDescription {
  readonly manager: 'systemd' | 'process';
  /** What an operator calls it: `etcd.service`, or the state file's path. */
  readonly name: string;
  /** The command that shows etcd's own log. */
  readonly logCommand: string;
}

/** How old what `glance` tells is at most, milliseconds. */
export const glanceMsMax = 5_000;

/** Methods that act reject with a ServiceError; `observe` and `glance` never reject. */
export interface ServiceManager {
  readonly kind: 'systemd' | 'process';
  describe(): ServiceDescription;
  observe(): Promise<ServiceState>;
  /**
   * For whoever looks every second: what `observe` tells, or, while the process that it saw runs as etcd still lives and nothing was
   * done here since, what it told up to `glanceMsMax` ago. An end shows at once; that somebody has asked it to end does not.
   */
  glance(): Promise<ServiceState>;
  /** Makes the unit what is given; starts and restarts nothing. `changed`: a running etcd still has the older settings. */
  install(unit: EtcdUnit): Promise<{ readonly changed: boolean }>;
  /**
   * Asks for a start and returns at once; `observe` tells how it went. Nothing happens when it runs already. Clears
   * an earlier failure, so a start is always tried.
   */
  start(): Promise<void>;
  /**
   * Ends etcd: politely, then at the deadline by SIGKILL; with a deadline of 0 by SIGKILL at once (systemd sends its
   * SIGTERM an instant before). Returns when it is gone; it stays stopped. Nothing happens when it is not running.
   */
  stop(deadlineMs: number): Promise<void>;
  /** systemd: start at boot, or not. process: no effect; what was started and not stopped is started again. */
  enable(): Promise<void>;
  disable(): Promise<void>;
  /** The end of etcd's own log, at most `bytesMax` bytes of UTF-8; '' where there is none. */
  lastWords(bytesMax: number): Promise<string>;
  /**
   * Calls `listener` after each change of what `observe` tells, until the returned function is called. process: at once.
   * systemd: never, since its changes could only be polled for, which the caller does anyway.
   */
  onChange(listener: () => void): () => void;
  /** Lets go of etcd without touching it: ends watching and timers of this process. */
  close(): Promise<void>;
}

/** A service manager refused or failed an operation. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly operation: string,
    detail: string,
    /** The same call may succeed later without anybody changing the host. */
    readonly retryable: boolean,
    cause?: unknown,
  ) {
    super(`cannot ${operation} etcd: ${detail}`, { cause });
  }
}
