/**
 * A data dir out of the snapshot that the operation names, in the place of the one that was moved aside. It grows inside the
 * data dir under a name that is nobody's content; one rename puts it in place, after its WAL was read.
 */
import { join } from 'node:path';
import { clusterIdOf, type MemberId } from '@etcd-agent/etcd';
import { Fault } from '@etcd-agent/protocol';
import { readWal, recordDataDir } from '../data-dir.js';
import { installConf } from '../etcd-files.js';
import { ownerOf } from '../etcd-start.js';
import type { AgentHost } from '../host.js';
import type { Alone } from '../one-at-a-time.js';
import type { Snapshots } from '../snapshots/snapshots.js';
import { type HeldSpec, specOf } from './held.js';
import { contentOf } from './quarantine.js';

/** Idempotent: what was made by a run that was cut short is used where it is whole. */
export async function placeFor(
  { host, snapshots, alone }: { host: AgentHost; snapshots: Pick<Snapshots, 'restore'>; alone: Alone },
  operation: string,
): Promise<{ placed: boolean }> {
  const spec = await specOf(host, operation, 'restore');
  const made = join(spec.etcd.dataDir, `.restore-${operation}`);
  const before = await contentOf(host, spec);
  if (before === 'own') {
    await alone(() => settle(host, spec, made));
    return { placed: false };
  }
  if (before.kind !== 'none') throw notEmpty(spec);
  // Not in the agent's turn: it takes a minute for some gigabytes, and while the operation is under way nobody else acts here.
  await make(host, snapshots, spec, made);
  await alone(async () => {
    await specOf(host, operation, 'restore');
    const now = await contentOf(host, spec);
    if (now === 'own') return;
    if (now.kind !== 'none') throw notEmpty(spec);
    await recordDataDir(host, spec, 'retired');
    await host.files.move(join(made, 'member'), join(spec.etcd.dataDir, 'member'));
    await settle(host, spec, made);
  });
  return { placed: true };
}

async function make(
  host: AgentHost,
  snapshots: Pick<Snapshots, 'restore'>,
  spec: HeldSpec<'restore'>,
  made: string,
): Promise<void> {
  const { files } = host;
  const { snapshot, nodes } = spec.hold;
  const members = spec.initialCluster.filter(({ name }) => nodes.includes(name));
  const clusterId = clusterIdOf(members.map(({ memberId }) => memberId as MemberId));
  if (clusterId !== spec.cluster.clusterId || !nodes.includes(spec.node))
    throw new Fault(
      'refused',
      `the members ${nodes.join(', ')} are not those of cluster ${spec.cluster.clusterId}`,
    );
  const owner = await ownerOf(host);
  await files.makeDirectory(
    spec.etcd.dataDir,
    owner === undefined ? { mode: 0o700 } : { mode: 0o700, owner },
  );
  if (!(await files.exists(made)))
    await snapshots.restore(snapshot.sha256, {
      dataDir: made,
      name: spec.node,
      initialCluster: members,
      token: spec.cluster.token,
      peerURLs: spec.etcd.initialAdvertisePeerURLs,
      owner,
      bumpRevision: snapshot.bumpRevision,
    });
  const wal = await readWal(files, join(made, 'member', 'wal'));
  if (wal.kind === 'present' && wal.clusterId === spec.cluster.clusterId && wal.memberId === spec.memberId)
    return;
  const found =
    wal.kind === 'present' ? `cluster ${wal.clusterId}, member ${wal.memberId}` : `no WAL (${wal.kind})`;
  throw new Fault(
    'failed',
    `what was restored is of ${found}, expected was cluster ${spec.cluster.clusterId}, member ${spec.memberId}`,
    `look at ${made}, then move it away and run the same command again`,
  );
}

/** The data is in its place: from now on its member may never start empty again. */
async function settle(host: AgentHost, spec: HeldSpec<'restore'>, made: string): Promise<void> {
  await recordDataDir(host, spec, 'begun');
  await installConf(host, spec, 'existing');
  await host.files.removeTree(made);
}

function notEmpty({ etcd: { dataDir } }: HeldSpec<'restore'>): Fault {
  return new Fault('refused', `there is data in ${dataDir}, which has to be moved aside first`);
}
