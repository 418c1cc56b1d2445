/**
 * One etcd process: how it is spawned so that it outlives us, how it is ended, how its end is noticed, and how it is found again by the
 * marker in its environment. Whether it should run is decided in services-process.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { lookupAccount, lookupGroup } from './accounts.js';
import type { Clock } from './clock.js';
import { readEnvironment } from './environment-file.js';
import type { Files, Owner } from './files.js';
import { isSameProcess, type ProcessIdentity, processIdentity, processStat, signal } from './processes.js';
import { plainEnvironment } from './run.js';
import { type EtcdUnit, type ExitCause, ServiceError } from './services.js';

/** Not ETCD_…: etcd warns of every variable with that prefix that it does not know. */
const markerVariable = 'SUPERVISED_ETCD_INSTANCE';
/** At a start, a log larger than this becomes `.1`, replacing the one before: twice this is what logs can take. */
const logBytesMax = 16 * 1024 * 1024;

/** How long the kernel may take to end a process after SIGKILL before we call it stuck. */
const killGraceMs = 10_000;

/** A process that runs (or ran a moment ago) and the promise of its end, which never rejects. */
export interface SupervisedProcess {
  readonly identity: ProcessIdentity;
  readonly ended: Promise<ExitCause>;
}

export type SpawnOutcome =
  | { readonly kind: 'running'; readonly process: SupervisedProcess }
  | { readonly kind: 'ended'; readonly cause: ExitCause };

/**
 * Starts etcd in a session of its own, its output appended to the log file, its environment the environment file's
 * values and nothing of ours. Throws a ServiceError when the start cannot even be tried.
 */
export async function spawnSupervised(
  files: Files,
  unit: EtcdUnit,
  logFile: string,
  marker: string,
): Promise<SpawnOutcome> {
  const [environment, owner, log] = [
    await environmentOf(files, unit),
    await ownerOf(unit),
    await openLog(logFile),
  ];
  try {
    const child = spawn(unit.binary, [], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      cwd: unit.workingDirectory ?? '/',
      env: { ...plainEnvironment, ...environment, [markerVariable]: marker },
      ...(owner === undefined ? {} : owner),
    });
    const ended = endOf(child);
    child.unref();
    const found = child.pid === undefined ? undefined : await processIdentity(child.pid);
    return found?.kind === 'running'
      ? { kind: 'running', process: { identity: found.identity, ended } }
      : { kind: 'ended', cause: await ended };
  } finally {
    await log.close();
  }
}

/** Watches a process that another of our processes spawned; how it ended cannot be known. Ends early when aborted. */
export function watchAdopted(
  identity: ProcessIdentity,
  clock: Clock,
  pollMs: number,
  signal: AbortSignal,
): SupervisedProcess {
  const watch = async (): Promise<ExitCause> => {
    while (await isSameProcess(identity)) {
      await clock.sleep(pollMs, signal);
    }
    return { kind: 'unknown' };
  };
  // Aborted means that nobody is interested any more; the promise then never resolves.
  const ended = watch().catch(() => new Promise<ExitCause>(() => undefined));
  return { identity, ended };
}

/** Ends it as `ServiceManager.stop` says; throws a ServiceError when it is still there after SIGKILL. */
export async function endSupervised(
  supervised: SupervisedProcess,
  deadlineMs: number,
  clock: Clock,
): Promise<void> {
  const { identity } = supervised;
  const polite = [['SIGTERM', deadlineMs]] as const;
  for (const [name, waitMs] of [...(deadlineMs > 0 ? polite : []), ['SIGKILL', killGraceMs] as const]) {
    if ((await signal(identity, name)) === 'gone' || (await endsWithin(supervised, waitMs, clock))) {
      return;
    }
  }
  const detail = `process ${identity.pid} did not end within ${killGraceMs} ms of SIGKILL`;
  throw new ServiceError('stop', detail, true);
}

async function endsWithin(supervised: SupervisedProcess, waitMs: number, clock: Clock): Promise<boolean> {
  const waiting = new AbortController();
  const late = clock.sleep(waitMs, waiting.signal).then(
    () => false,
    () => false,
  );
  const ended = supervised.ended.then(() => true);
  return Promise.race([ended, late]).finally(() => waiting.abort());
}

/** The session leader that carries this marker, if one runs. Sees the processes that this user may look at. */
export async function findByMarker(marker: string): Promise<ProcessIdentity | undefined> {
  const wanted = Buffer.from(`${markerVariable}=${marker}\0`);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined);
    // What etcd itself might start would inherit the marker; only the process we made leads a session.
    if (environment?.includes(wanted) && (await processStat(pid))?.sessionId === pid) {
      const found = await processIdentity(pid);
      if (found.kind === 'running') {
        return found.identity;
      }
    }
  }
  return undefined;
}

function endOf(child: ChildProcess): Promise<ExitCause> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ kind: 'notStarted', message: error.message }));
    child.once('exit', (code, signal) =>
      resolve(signal !== null ? { kind: 'signalled', signal } : { kind: 'exited', code: code ?? -1 }),
    );
  });
}

async function environmentOf(files: Files, unit: EtcdUnit): Promise<Readonly<Record<string, string>>> {
  let text: string;
  try {
    text = await files.readText(unit.environmentFile);
  } catch (error) {
    throw new ServiceError('start', `${unit.environmentFile} cannot be read`, false, error);
  }
  const reading = readEnvironment(text);
  if (reading.kind === 'unterminated') {
    const where = `${unit.environmentFile} line ${reading.line}`;
    throw new ServiceError(
      'start',
      `${where} has a quote that is not closed, or continues on the next line`,
      false,
    );
  }
  return reading.values;
}

/** Only root can be somebody else; for everybody else etcd runs as they do. */
async function ownerOf(unit: EtcdUnit): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0 || (unit.user === undefined && unit.group === undefined)) {
    return undefined;
  }
  const user =
    unit.user === undefined ? ({ kind: 'account', uid: 0, gid: 0 } as const) : await lookupAccount(unit.user);
  if (user.kind === 'missing') {
    throw new ServiceError('start', `there is no user ${unit.user}`, false);
  }
  const group =
    unit.group === undefined ? ({ kind: 'group', gid: user.gid } as const) : await lookupGroup(unit.group);
  if (group.kind === 'missing') {
    throw new ServiceError('start', `there is no group ${unit.group}`, false);
  }
  return { uid: user.uid, gid: group.gid };
}

async function openLog(path: string): Promise<FileHandle> {
  try {
    const size = await stat(path).then(
      (status) => status.size,
      () => 0,
    );
    if (size > logBytesMax) {
      await rename(path, `${path}.1`);
    }
    return await open(path, 'a', 0o640);
  } catch (error) {
    throw new ServiceError('start', `its log ${path} cannot be opened`, false, error);
  }
}
