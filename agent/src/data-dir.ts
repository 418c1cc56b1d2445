/**
 * The data dir: whose it is, taking an empty one, moving one of ours aside. A data dir that this product did not make
 * is never written to, and nothing here deletes.
 */
import { basename, dirname, join } from 'node:path';
import { isWalSegment, readWalMetadata, walHeadBytes } from '@etcd-agent/etcd';
import { FileError, type FileStatus, type Files, type Owner } from '@etcd-agent/platform';
import { type DataDirView, Fault, type MemberSpec } from '@etcd-agent/protocol';
import type { AgentHost } from './host.js';
import { oncePerText } from './once-per-text.js';
import type { DataDirRecord } from './store.js';

/** What tells ours from foreign: our record, and the cluster id that only our random token can give. */
export interface Ownership {
  readonly record: DataDirRecord | undefined;
  readonly spec: MemberSpec | undefined;
}

/** Judges the directory as it is now; never throws for what is on the disk. */
export async function judgeDataDir(
  files: Files,
  { dataDir }: { readonly dataDir: string },
  { record, spec }: Ownership,
): Promise<DataDirView> {
  const status = await files.stat(dataDir);
  if (status.kind === 'missing') return { kind: 'missing' };
  if (status.kind === 'denied') return { kind: 'unknown', why: `no access (${status.code})` };
  if (status.kind !== 'directory') return { kind: 'foreign', why: 'it is not a directory' };
  const content = (await files.list(dataDir)).filter(isContent);
  const recorded = record?.path === dataDir && record.dev === status.dev && record.ino === status.ino;
  const wal = await readWal(files, join(dataDir, 'member', 'wal')).catch(unseen);
  if (wal.kind === 'unknown') return wal;
  if (wal.kind === 'present') return judgeWal(wal, spec);
  // One that was retired and is empty now was moved aside out of a mount point: the directory itself stays.
  if (recorded && (record.stage !== 'retired' || content.length > 0)) {
    return { kind: 'ours', bootstrapId: record.bootstrapId, wal };
  }
  if (content.length === 0) return { kind: 'empty' };
  return {
    kind: 'foreign',
    why: `it holds ${content.slice(0, 5).join(', ')}, which this agent did not make`,
  };
}

function unseen(error: unknown): { readonly kind: 'unknown'; readonly why: string } {
  if (error instanceof FileError) return { kind: 'unknown', why: error.message };
  throw error;
}

/** Ours by both ids: a copy of another node's data would be a second etcd under that node's id. */
function judgeWal(wal: Extract<WalView, { kind: 'present' }>, spec: MemberSpec | undefined): DataDirView {
  if (spec?.cluster.clusterId === wal.clusterId && spec.memberId === wal.memberId) {
    return { kind: 'ours', bootstrapId: spec.cluster.bootstrapId, wal };
  }
  return {
    kind: 'foreign',
    why: `its WAL belongs to cluster ${wal.clusterId}, member ${wal.memberId}`,
    clusterId: wal.clusterId,
  };
}

/** `lost+found` is the file system's own; what we moved aside inside a mount point, and what a restore makes, is out of the way. */
export function isContent(name: string): boolean {
  return name !== 'lost+found' && !/^\.(quarantine|restore)-/.test(name);
}

/**
 * Makes an empty data dir ours before etcd first writes to it, so that whatever a power cut leaves in it is known to
 * be ours. Refuses anything that is not empty or already ours for this bootstrap.
 */
export async function claimDataDir(
  host: AgentHost,
  spec: MemberSpec,
  owner: Owner | undefined,
): Promise<void> {
  const { files, store } = host;
  const { dataDir } = spec.etcd;
  const record = await store.dataDirRecord();
  const view = await judgeDataDir(files, spec.etcd, { record, spec });
  if (view.kind === 'ours' && view.bootstrapId === spec.cluster.bootstrapId && record !== undefined) return;
  if (view.kind !== 'missing' && view.kind !== 'empty' && view.kind !== 'ours') {
    throw new Fault(
      'refused',
      `data dir ${dataDir} is not empty and not ours: ${view.why}`,
      notOurs(dataDir),
    );
  }
  const options = owner === undefined ? { mode: 0o700 } : { mode: 0o700, owner };
  await files.makeDirectory(dataDir, options);
  await recordDataDir(host, spec, view.kind === 'ours' && view.wal.kind === 'present' ? 'begun' : 'claimed');
}

/** Remembers the directory as it is now, by device and inode. */
export async function recordDataDir(
  { files, store }: Pick<AgentHost, 'files' | 'store'>,
  spec: MemberSpec,
  stage: DataDirRecord['stage'],
): Promise<void> {
  const { dataDir } = spec.etcd;
  const status = await files.stat(dataDir);
  // A directory that is not there has no inode 0 either: nothing will match it.
  const { dev, ino } = status.kind === 'directory' ? status : { dev: 0, ino: 0 };
  if (status.kind !== 'directory' && stage !== 'retired') {
    throw new Fault('failed', `data dir ${dataDir} is not a directory after all`);
  }
  await store.keepDataDirRecord({ path: dataDir, dev, ino, bootstrapId: spec.cluster.bootstrapId, stage });
}

/**
 * Moves our data dir aside, to a sibling on the same file system; a mount point keeps its place and its content
 * moves into a directory inside it. Returns where to, or null where there was nothing to move. `beforeMove` is told where to
 * while nothing has moved yet, so that it can be written down.
 */
export function quarantineDataDir(
  { files, clock }: Pick<AgentHost, 'files' | 'clock'>,
  dataDir: string,
  bootstrapId: string,
  beforeMove: (to: string) => Promise<void> = async () => {},
): Promise<string | null> {
  const mark = `${clock.now().toISOString().replace(/[:.]/g, '')}-${bootstrapId.slice(0, 8)}`;
  return moveAside(files, dataDir, mark, beforeMove);
}

/** The two places that data moved aside under this mark can be in. */
export function quarantinePlaces(dataDir: string, mark: string): { sibling: string; inside: string } {
  return {
    sibling: join(dirname(dataDir), `${basename(dataDir)}.quarantine-${mark}`),
    inside: join(dataDir, `.quarantine-${mark}`),
  };
}

/** The same under a mark that the caller knows: one that was cut short is finished by calling it again. */
export async function moveAside(
  files: Files,
  dataDir: string,
  mark: string,
  beforeMove: (to: string) => Promise<void> = async () => {},
): Promise<string | null> {
  const status = await files.stat(dataDir);
  if (status.kind === 'missing') return null;
  if (status.kind !== 'directory') throw new Fault('refused', `${dataDir} is not a directory`);
  const content = (await files.list(dataDir)).filter(isContent);
  if (content.length === 0) return null;
  const { sibling, inside } = quarantinePlaces(dataDir, mark);
  const parent = await files.stat(dirname(dataDir));
  if (parent.kind === 'directory' && parent.dev === status.dev && !status.link) {
    await beforeMove(sibling);
    await files.move(dataDir, sibling);
    return sibling;
  }
  await beforeMove(inside);
  await files.makeDirectory(inside, { mode: 0o700 });
  for (const name of content) await files.move(join(dataDir, name), join(inside, name));
  return inside;
}

function notOurs(dataDir: string): string {
  return `Look at it, then move it away yourself (mv ${dataDir} ${dataDir}.old) or give the node another dataDir.`;
}

type WalView = Extract<DataDirView, { kind: 'ours' }>['wal'];

/**
 * The identity in the newest WAL file: every file of a WAL repeats it. Throws a FileError where nobody can tell whether one is
 * there: no access, or a link to a place that is not mounted now. That is not the same as none.
 */
export async function readWal(files: Files, walDir: string): Promise<WalView> {
  const status = await files.stat(walDir);
  if (status.kind === 'missing') {
    await lookAtAll(files, dirname(walDir));
    return { kind: 'none' };
  }
  if (status.kind !== 'directory') throw cannotTell(walDir, status);
  const newest = (await files.list(walDir)).filter(isWalSegment).at(-1);
  if (newest === undefined && status.link)
    throw new FileError('read', walDir, 'ENOENT', 'it is a link to an empty place');
  if (newest === undefined) return { kind: 'none' };
  const metadata = metadataIn(latin1(await files.readHead(join(walDir, newest), walHeadBytes)));
  switch (metadata.kind) {
    case 'ok':
      return { kind: 'present', clusterId: metadata.clusterId, memberId: metadata.nodeId };
    case 'empty':
      return { kind: 'unreadable', why: `${newest} is empty` };
    case 'corrupt':
      return { kind: 'unreadable', why: `${newest}: ${metadata.why}` };
  }
}

/** Read every second, and never changed by etcd: its checksums are worked out once. */
const metadataIn = oncePerText((head) => readWalMetadata(Buffer.from(head, 'latin1')));

function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/** Nothing is under a directory that is not there, but what is under one that cannot be seen is not known. */
async function lookAtAll(files: Files, directory: string): Promise<void> {
  const status = await files.stat(directory);
  if (status.kind !== 'missing' && status.kind !== 'directory') throw cannotTell(directory, status);
}

function cannotTell(path: string, status: Exclude<FileStatus, { kind: 'missing' }>): FileError {
  switch (status.kind) {
    case 'denied':
      return new FileError('look at', path, status.code, 'no access');
    case 'danglingLink':
      return new FileError('look at', path, 'ENOENT', 'it is a link to what is not there');
    default:
      return new FileError('look at', path, 'ENOTDIR', 'it is not a directory');
  }
}
