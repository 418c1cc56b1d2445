/**
 * A data dir out of a snapshot, by etcd's own program. It grows under another name and is renamed when all of it is on the
 * disk: a directory that has its name is whole.
 */
import { featuresOf, type InitialMember, renderInitialCluster } from '@etcd-agent/etcd';
import { describeResult, type Owner, type ProgramResult, runProgram, settleTree } from '@etcd-agent/platform';
import { Fault } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { megabytes } from '../megabytes.js';
import { findRestoreProgram, restoreEnvironment } from './restore-program.js';

/** A disk that writes less than this is waited for no longer; see also the fixed part. */
const bytesPerMsMin = 2_000;
const restoreMsMin = 60_000;
/** The WAL's first file is made in full, and what else is on this disk must go on. */
const walBytes = 64 * 1024 ** 2;
const spareBytes = 64 * 1024 ** 2;

export interface RestoreOrder {
  /** The snapshot: one with etcd's seal, unless `seal` says otherwise. */
  readonly file: string;
  /** The data dir to be; nothing is there yet. */
  readonly dataDir: string;
  readonly name: string;
  readonly initialCluster: readonly InitialMember[];
  readonly token: string;
  readonly peerURLs: readonly string[];
  /** Who it is for; undefined: the agent's own account. */
  readonly owner: Owner | undefined;
  /** `none`: a copy of a member's `db`. Nothing then vouches for the file. */
  readonly seal: 'right' | 'none';
  /** How far the revision is raised, with everything before it marked as compacted; 0: not at all. */
  readonly bumpRevision: number;
}

type Where = Pick<AgentHost, 'config' | 'paths' | 'services' | 'files'>;

/** Throws a Fault, with nothing at `dataDir`, where the file cannot be restored or there is no room. */
export async function restoreSnapshot(host: Where, order: RestoreOrder): Promise<void> {
  const { files } = host;
  const program = await findRestoreProgram(host);
  if (order.bumpRevision > 0 && !featuresOf(program.version).bumpRevision)
    throw new Fault(
      'refused',
      `${program.path} ${program.version.text} cannot raise the revision: etcd 3.4.27, 3.5.10 and 3.6 can`,
      'leave it out; clients that watch then have to list anew by themselves',
    );
  if (await files.exists(order.dataDir))
    throw new Fault('refused', `${order.dataDir} is there: nothing is restored over it`);
  const part = `${order.dataDir}.part`;
  await files.removeTree(part);
  const bytes = await roomFor(host, order);
  try {
    const result = await runProgram(program.path, argumentsOf(order, part), {
      timeoutMs: restoreMsMin + bytes / bytesPerMsMin,
      env: restoreEnvironment,
    });
    if (result.kind !== 'exited' || result.code !== 0) throw notRestored(order, program.path, result);
    await settleTree(part, order.owner);
    await files.move(part, order.dataDir);
  } catch (error) {
    await files.removeTree(part).catch(() => {});
    throw error;
  }
}

/** What its own program finds wrong with a file is so on every host; a full disk and a slow one are not. */
function notRestored({ file }: RestoreOrder, program: string, result: ProgramResult): Fault {
  const ofFile = result.kind === 'exited' && !/no space left|input\/output error/i.test(result.stderr);
  return new Fault(
    ofFile ? 'refused' : 'failed',
    `${file} cannot be restored: ${describeResult(program, result)}`,
  );
}

async function roomFor({ files }: Where, { file, dataDir }: RestoreOrder): Promise<number> {
  const status = await files.stat(file);
  if (status.kind !== 'file') throw new Fault('failed', `there is no file ${file}`);
  const wanted = status.size + walBytes + spareBytes;
  const free = await files.freeBytes(dataDir);
  if (free >= wanted) return status.size;
  throw new Fault(
    'failed',
    `to restore ${file} takes ${megabytes(wanted)} MB, and ${dataDir} has ${megabytes(free)} MB free`,
    `make room on the file system of ${dataDir}, then run the same command again`,
  );
}

function argumentsOf(order: RestoreOrder, into: string): string[] {
  return [
    'snapshot',
    'restore',
    order.file,
    `--data-dir=${into}`,
    `--name=${order.name}`,
    `--initial-cluster=${renderInitialCluster(order.initialCluster)}`,
    `--initial-cluster-token=${order.token}`,
    `--initial-advertise-peer-urls=${order.peerURLs.join(',')}`,
    ...(order.seal === 'none' ? ['--skip-hash-check'] : []),
    ...(order.bumpRevision > 0 ? [`--bump-revision=${order.bumpRevision}`, '--mark-compacted'] : []),
  ];
}
