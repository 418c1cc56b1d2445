/**
 * What the process manager remembers on disk, so that another agent process can take over a running etcd. Written
 * before and after every step that a crash could cut in half.
 */
import { dirname } from 'node:path';
import { FileError } from './file-error.js';
import type { Files } from './files.js';
import { isSameProcess, type ProcessIdentity } from './processes.js';
import { type EtcdUnit, ServiceError } from './services.js';

export type SupervisedChild =
  | { readonly kind: 'none' }
  /** About to be spawned, or spawned and not yet recorded: only the marker in its environment tells. */
  | { readonly kind: 'starting'; readonly marker: string }
  | {
      readonly kind: 'running';
      readonly marker: string;
      readonly identity: ProcessIdentity;
      /** ISO 8601. */
      readonly startedAt: string;
    };

export interface SupervisionRecord {
  readonly schema: 1;
  readonly unit?: EtcdUnit;
  /** Started and not stopped: etcd is to run, now and after every restart of the agent. */
  readonly wanted: boolean;
  readonly child: SupervisedChild;
}

const recordBytesMax = 64 * 1024;

/** Reads the record; a missing file is the empty record. Throws a ServiceError for anything that is not one of ours. */
export async function loadRecord(files: Files, stateFile: string): Promise<SupervisionRecord> {
  let text: string;
  try {
    text = await files.readText(stateFile, recordBytesMax);
  } catch (error) {
    if (error instanceof FileError && error.missing) {
      return { schema: 1, wanted: false, child: { kind: 'none' } };
    }
    throw new ServiceError('supervise', `${stateFile} cannot be read`, false, error);
  }
  try {
    const value = JSON.parse(text) as SupervisionRecord;
    if (value.schema === 1 && typeof value.wanted === 'boolean' && isChild(value.child)) {
      return value;
    }
  } catch {
    // Falls through: not JSON and not a record get the same answer.
  }
  const detail = `${stateFile} is not a supervision record; make sure that no etcd runs, then remove it`;
  throw new ServiceError('supervise', detail, false);
}

/** The etcd of the record, where exactly that process still runs. Looks only: it may belong to a manager at work. */
export async function supervisedProcess(
  files: Files,
  stateFile: string,
): Promise<ProcessIdentity | undefined> {
  const { child } = await loadRecord(files, stateFile);
  return child.kind === 'running' && (await isSameProcess(child.identity)) ? child.identity : undefined;
}

/** Writes the record durably; makes its directory when there is none. */
export async function saveRecord(files: Files, stateFile: string, record: SupervisionRecord): Promise<void> {
  try {
    if (!(await files.exists(dirname(stateFile)))) {
      await files.makeDirectory(dirname(stateFile), { mode: 0o700 });
    }
    await files.writeAtomic(stateFile, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    const retryable = error instanceof FileError && error.retryable;
    throw new ServiceError('supervise', `${stateFile} cannot be written`, retryable, error);
  }
}

function isChild(child: SupervisedChild | undefined): boolean {
  switch (child?.kind) {
    case 'none':
      return true;
    case 'starting':
      return typeof child.marker === 'string';
    case 'running':
      return typeof child.marker === 'string' && Number.isSafeInteger(child.identity?.startTicks);
    default:
      return false;
  }
}
