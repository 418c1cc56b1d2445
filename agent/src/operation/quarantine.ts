/**
 * Moving a node's data aside for an operation, under a name that follows from the operation: where it is need not be
 * remembered, and a step that was cut short finds what it has done.
 */
import { join } from 'node:path';
import { type ClusterOperation, Fault, type MemberSpec, type OperationView } from '@etcd-agent/protocol';
import { isContent, judgeDataDir, moveAside, quarantinePlaces, readWal, recordDataDir } from '../data-dir.js';
import { effectiveSpec } from '../heal/effective-spec.js';
import type { AgentHost } from '../host.js';
import { specOf } from './held.js';

/** etcd ends within a second unless its disk hangs. */
const stopMsMax = 15_000;

/** Stops etcd; moves data of a former cluster aside. Nothing is moved where this cluster's data is there already. */
export async function quarantineFor(host: AgentHost, operation: string): Promise<{ movedTo: string | null }> {
  const spec = await specOf<ClusterOperation['kind']>(host, operation, 'restore', 'undo');
  await refuseOtherDisk(host, spec);
  const content = await contentOf(host, spec);
  if (content === 'own') return { movedTo: (await quarantineOf(host, spec, operation))?.path ?? null };
  if (content.kind === 'foreign')
    throw new Fault(
      'refused',
      `${spec.etcd.dataDir}: ${content.why}: it is of no cluster that this one was before, and left alone`,
      `look at it, then move it away yourself (mv ${spec.etcd.dataDir} ${spec.etcd.dataDir}.old), and run the same command again`,
    );
  await stopEtcd(host);
  // Whoever wanted this member replaced meant the one whose data goes now.
  await host.heal.change(({ order: _, ...memory }) => memory);
  // One that was joining may have written its first files since.
  const left = await contentOf(host, spec);
  if (left !== 'own' && left.kind === 'former') {
    await recordDataDir(host, spec, 'retired');
    await moveAside(host.files, spec.etcd.dataDir, operation);
  }
  return { movedTo: (await quarantineOf(host, spec, operation))?.path ?? null };
}

/** Ends it, and takes back whatever would let it start again. */
export async function stopEtcd({ services, files, paths }: AgentHost): Promise<void> {
  await files.remove(paths.clearance);
  await services.stop(stopMsMax);
  await files.remove(paths.permit);
  await files.remove(paths.clearance);
}

type Content =
  /** Data of the spec's own cluster and member: it was put there by this operation. */
  'own' | { readonly kind: 'none' | 'former' } | { readonly kind: 'foreign'; readonly why: string };

/** Whose data is in the place of this node's. Throws a Fault where nobody can tell. */
export async function contentOf(host: AgentHost, spec: MemberSpec): Promise<Content> {
  const { files, store } = host;
  const { dataDir } = spec.etcd;
  const record = await store.dataDirRecord();
  const view = await judgeDataDir(files, spec.etcd, { record, spec });
  switch (view.kind) {
    case 'missing':
    case 'empty':
      return { kind: 'none' };
    case 'ours':
      if (view.wal.kind === 'present') return 'own';
      // The directory is the one that this agent recorded, whatever is left of what was in it.
      return (await files.list(dataDir)).some(isContent) ? { kind: 'former' } : { kind: 'none' };
    case 'foreign': {
      // Put back already, or never gone; that the ids are not the ones remembered is for the ordinary rules to judge.
      if (spec.hold?.kind === 'undo' && view.clusterId === spec.cluster.clusterId) return 'own';
      const isFormer = spec.cluster.previous?.some(({ clusterId }) => clusterId === view.clusterId) === true;
      return isFormer ? { kind: 'former' } : { kind: 'foreign', why: view.why };
    }
    case 'unknown':
      throw new Fault('failed', `${dataDir} cannot be looked at: ${view.why}`);
  }
}

/** What this operation has moved aside on this node. */
export async function quarantineOf(
  { files }: Pick<AgentHost, 'files'>,
  { etcd: { dataDir } }: Pick<MemberSpec, 'etcd'>,
  operation: string,
): Promise<OperationView['quarantine']> {
  const { sibling, inside } = quarantinePlaces(dataDir, operation);
  for (const path of [sibling, inside]) {
    if ((await files.stat(path)).kind !== 'directory') continue;
    // Where there is none, nothing of etcd's was moved here, or it was put back.
    if (!(await files.exists(join(path, 'member')))) continue;
    const wal = await readWal(files, join(path, 'member', 'wal')).catch(() => undefined);
    const ids = wal?.kind === 'present' ? wal : { clusterId: null, memberId: null };
    return { path, clusterId: ids.clusterId, memberId: ids.memberId };
  }
  return null;
}

/** The volume of the data may not be mounted now: what is put in its place would be gone when it is. */
async function refuseOtherDisk(host: AgentHost, spec: MemberSpec): Promise<void> {
  if ((await fileSystemOf(host, spec)) !== 'other') return;
  throw new Fault(
    'refused',
    `another file system than before is under ${spec.etcd.dataDir}: it may be an unmounted volume`,
    `mount it; or, if this is the right one: coordinator node accept-disk ${spec.node}; then run the same command again`,
  );
}

async function fileSystemOf(
  { heal, machine }: Pick<AgentHost, 'heal' | 'machine'>,
  { etcd: { dataDir } }: Pick<MemberSpec, 'etcd'>,
): Promise<OperationView['fileSystem']> {
  const { fileSystem: known } = await heal.read();
  if (known?.dataDir !== dataDir) return 'neverSeen';
  return (await machine.fileSystemOf(dataDir)).id === known.id ? 'same' : 'other';
}

/** What any operation has left here; changes nothing. */
export async function lookAtOperation(host: AgentHost, operation: string): Promise<OperationView> {
  const spec = await effectiveSpec(host);
  if (spec === undefined)
    throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
  const [dataDir, quarantine, journal, fileSystem, freeBytes] = await Promise.all([
    host.store.dataDirRecord().then((record) => judgeDataDir(host.files, spec.etcd, { record, spec })),
    quarantineOf(host, spec, operation),
    host.heal.journal(),
    fileSystemOf(host, spec),
    host.files.freeBytes(spec.etcd.dataDir),
  ]);
  return { dataDir, quarantine, repairOf: journal?.bootstrapId ?? null, fileSystem, freeBytes };
}
