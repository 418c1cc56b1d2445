/**
 * The coordinator's state directory: private (0700), every file 0600, every write atomic and durable. Only paths and
 * reading and writing here; what things mean is elsewhere.
 */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { acquireExclusive, type ExclusiveLock, FileError, HeldError, linuxFiles } from '@etcd-agent/platform';
import type { z } from 'zod';
import { Failure } from '../failure.js';

const secret = { mode: 0o600 } as const;

/** What an init that was cut short may leave. */
const unfinishedName = /^(ca|admin|link|cfssl|etcd|nodes|tokens|audit\.jsonl|bootstrap.*\.json)$/;
/** What our lock and our writes leave beside that; no other hidden file is ours. */
const besideName =
  /^(lock\.\d+|\.lock\.[0-9a-f]+\.lock-tmp|\.(cluster\.yaml|bootstrap.*\.json)\.\d+\.[0-9a-f]+\.etcd-agent-tmp|unfinished-.*)$/;

/** `--state` > `COORDINATOR_STATE` > /var/lib for root > the XDG state directory. */
export function stateDirPath(flag: string | undefined, environment: NodeJS.ProcessEnv = process.env): string {
  const named = flag ?? environment.COORDINATOR_STATE;
  if (named !== undefined && named !== '') return resolve(named);
  if (process.getuid?.() === 0) return '/var/lib/etcd-coordinator';
  return join(environment.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'etcd-coordinator');
}

export class StateDir {
  private constructor(readonly path: string) {}

  /** An existing state directory. Throws Failure where there is none. */
  static async open(path: string): Promise<StateDir> {
    const state = new StateDir(path);
    const status = await linuxFiles.stat(state.file('cluster.yaml'));
    if (status.kind === 'denied') {
      throw new Failure({
        exit: 'failed',
        what: `no access to ${path} (${status.code})`,
        next: 'run as the user who ran coordinator init',
      });
    }
    if (status.kind !== 'file') {
      throw new Failure({
        exit: 'usage',
        what: `there is no coordinator state in ${path}`,
        next: 'coordinator init -f cluster.yaml, or --state DIR (or COORDINATOR_STATE) where it is',
      });
    }
    return state;
  }

  /**
   * A new one, locked for `purpose`: the caller releases the lock. What an interrupted init left (nobody can have used
   * it: tokens need a whole state) is moved aside. Throws Failure where the directory already holds a state, where
   * another coordinator is making one, and where it holds anything else; that is left as it is, its mode too.
   */
  static async create(path: string, purpose: string): Promise<{ state: StateDir; lock: ExclusiveLock }> {
    await leftoversIn(path);
    await linuxFiles.makeDirectory(path, { mode: 0o700 });
    const state = new StateDir(path);
    const lock = await state.lock(purpose);
    try {
      // Before the lock, somebody else may have made a state here.
      const left = await leftoversIn(path);
      if (left.length > 0) {
        const aside = `unfinished-${new Date().toISOString().replace(/[:.]/g, '')}`;
        await state.makeDirectory(aside);
        for (const name of left) await state.move([name], [aside, name]);
      }
      return { state, lock };
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** One coordinator at a time changes a state. Throws Failure naming the other one. */
  async lock(purpose: string): Promise<ExclusiveLock> {
    try {
      const lock = await acquireExclusive(this.file('lock'), purpose);
      return {
        // Failing here (a full disk) must not hide what went wrong before; the end of this process frees the lock too.
        release: () =>
          lock.release().catch((error: unknown) => {
            if (!(error instanceof FileError)) throw error;
          }),
      };
    } catch (error) {
      if (!(error instanceof HeldError)) throw error;
      throw new Failure(
        {
          exit: 'refused',
          what: `another coordinator (process ${error.holderPid}: ${error.purpose}) is changing ${this.path}`,
          next: 'wait until it has ended, then run this again',
        },
        { cause: error },
      );
    }
  }

  async makeDirectory(...parts: string[]): Promise<void> {
    await linuxFiles.makeDirectory(this.file(...parts), { mode: 0o700 });
  }

  async text(...parts: string[]): Promise<string | undefined> {
    try {
      return await linuxFiles.readText(this.file(...parts));
    } catch (error) {
      if (error instanceof FileError && error.missing) return undefined;
      throw error;
    }
  }

  async write(text: string, ...parts: string[]): Promise<void> {
    await linuxFiles.writeAtomic(this.file(...parts), text, secret);
  }

  async append(line: string, ...parts: string[]): Promise<void> {
    await linuxFiles.appendDurable(this.file(...parts), line, secret);
  }

  async remove(...parts: string[]): Promise<void> {
    await linuxFiles.remove(this.file(...parts));
  }

  async move(from: readonly string[], to: readonly string[]): Promise<void> {
    await linuxFiles.move(this.file(...from), this.file(...to));
  }

  async names(...parts: string[]): Promise<readonly string[]> {
    const status = await linuxFiles.stat(this.file(...parts));
    return status.kind === 'directory' ? linuxFiles.list(this.file(...parts)) : [];
  }

  /** Reads and checks JSON. Throws Failure where the file is damaged: nothing is guessed. */
  async json<T>(schema: z.ZodType<T>, ...parts: string[]): Promise<T | undefined> {
    const text = await this.text(...parts);
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new Failure(
      {
        exit: 'failed',
        what: `${this.file(...parts)} is damaged`,
        cause: 'it is not what the coordinator wrote',
        next: 'restore it from a backup, or bring a copy back into a new directory: coordinator --state NEWDIR state import FILE',
      },
      { cause: parsed.error },
    );
  }

  async writeJson(value: unknown, ...parts: string[]): Promise<void> {
    await this.write(`${JSON.stringify(value, null, 2)}\n`, ...parts);
  }
}

/** What an init that was cut short left in the directory. Throws Failure where there is anything that is not ours. */
async function leftoversIn(path: string): Promise<readonly string[]> {
  const status = await linuxFiles.stat(path);
  if (status.kind === 'missing') return [];
  const names = status.kind === 'directory' ? await linuxFiles.list(path) : [];
  if (names.includes('cluster.yaml') && names.includes('ca')) {
    throw new Failure({
      exit: 'refused',
      what: `${path} already holds the state of a cluster`,
      cause: 'its CA keys are the root of that cluster; they are never overwritten',
      next: 'coordinator status, or --state DIR for another cluster',
    });
  }
  const foreign = names.some((name) => !unfinishedName.test(name) && !besideName.test(name));
  if (status.kind !== 'directory' || foreign) {
    throw new Failure({
      exit: 'refused',
      what: `${path} is not an empty directory`,
      next: 'name an empty or new directory with --state DIR',
    });
  }
  return names.filter((name) => unfinishedName.test(name));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
