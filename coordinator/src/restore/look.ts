/** What a restore and its undoing are planned from: every agent's word on its data dir, and every member's on its revision. */
import { randomUUID } from 'node:crypto';
import { connectEtcd, type EtcdAdmin, EtcdError } from '@etcd-agent/etcd';
import { readAdminCredentials } from '../authority.js';
import type { Reached } from '../bootstrap/connect.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { nodeFailure } from '../link/dial-error.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodeFacts } from './plan/plan-restore.js';
import type { UndoNode } from './plan/plan-undo.js';

/** A member that answers does so at once; one that hangs must not hold this up. */
const answerMsMax = 3_000;
/** Hashing reads all keys. */
const hashMsMax = 60_000;

export async function lookForRestore(
  cluster: Cluster,
  record: BootstrapRecord,
  reached: Reached,
): Promise<NodeFacts[]> {
  const revisions = await revisionsOf(cluster);
  const known = [record.clusterId, ...record.previous.map(({ clusterId }) => clusterId)];
  return Promise.all(
    cluster.places.map(async (place): Promise<NodeFacts> => {
      const { name } = place;
      const found = await ask(reached, place, randomUUID());
      if (found.kind === 'silent') return { name, ...found };
      const { dataDir, fileSystem, freeBytes } = found.view;
      const isKnown = dataDir.kind === 'foreign' && known.includes(dataDir.clusterId ?? '');
      const data =
        dataDir.kind === 'missing' || dataDir.kind === 'empty'
          ? ({ kind: 'none' } as const)
          : dataDir.kind === 'ours' || isKnown
            ? ({ kind: 'ours' } as const)
            : ({ kind: dataDir.kind, why: dataDir.why } as const);
      return {
        name,
        kind: 'linked',
        generation: found.generation,
        dataDir: place.dataDir,
        data,
        fileSystem,
        freeBytes,
        revision: revisions.get(name),
      };
    }),
  );
}

/** `of`: the restore that is to be taken back; `former`: the cluster there was before it. */
export async function lookForUndo(
  cluster: Cluster,
  of: string,
  former: Pick<BootstrapRecord, 'bootstrapId'>,
  reached: Reached,
): Promise<UndoNode[]> {
  const revisions = await revisionsOf(cluster);
  return Promise.all(
    cluster.places.map(async (place): Promise<UndoNode> => {
      const { name } = place;
      const found = await ask(reached, place, of);
      if (found.kind === 'silent') return { name, ...found };
      const { dataDir, quarantine, repairOf, fileSystem } = found.view;
      return {
        name,
        kind: 'linked',
        quarantined: quarantine?.clusterId ?? null,
        data:
          dataDir.kind === 'ours' && dataDir.wal.kind === 'present'
            ? dataDir.wal.clusterId
            : dataDir.kind === 'foreign'
              ? (dataDir.clusterId ?? null)
              : null,
        repairing: repairOf === former.bootstrapId,
        fileSystem,
        revision: revisions.get(name),
      };
    }),
  );
}

/**
 * Whether a member of the cluster had the very keys of the snapshot at its revision; undefined: nobody can tell, because none
 * answers, or because of compactions since.
 */
export async function isOfThisCluster(
  cluster: Cluster,
  content: { readonly revision: string; readonly hash: number; readonly compactRevision: string },
): Promise<{ readonly node: string; readonly equal: boolean } | undefined> {
  const credentials = await readAdminCredentials(cluster.state);
  for (const { name, clientURL } of cluster.places) {
    const admin = await connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs: hashMsMax });
    try {
      const { hash, compactRevision } = await hashAt(admin, content.revision);
      if (compactRevision === content.compactRevision) return { node: name, equal: hash === content.hash };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    } finally {
      admin.close();
    }
  }
  return undefined;
}

/** One that does not answer its status is not waited for. */
async function hashAt(admin: EtcdAdmin, revision: string) {
  await Promise.race([
    admin.status(),
    new Promise<never>((_, reject) =>
      setTimeout(() => reject(new EtcdError('deadline', admin.endpoint, 'no answer')), answerMsMax).unref(),
    ),
  ]);
  return admin.hashKV(revision);
}

async function revisionsOf(cluster: Cluster): Promise<ReadonlyMap<string, string>> {
  const credentials = await readAdminCredentials(cluster.state);
  const { endpoints } = await viewCluster(cluster.places, credentials, answerMsMax);
  return new Map(
    endpoints.flatMap(({ name, status }) => (status === undefined ? [] : [[name, status.revision]])),
  );
}

async function ask({ links, failures }: Reached, place: Cluster['places'][number], operation: string) {
  const link = links.find((each) => each.place.name === place.name);
  const silent = (why: string) => ({ kind: 'silent', why }) as const;
  if (link === undefined)
    return silent(failures.find((each) => each.place.name === place.name)?.failure.parts.what ?? 'not asked');
  const { generation } = link.hello;
  // Nothing was ever told to it, so it knows of no data dir.
  if (generation === 0) return { kind: 'linked', generation, view: unconfigured } as const;
  try {
    return { kind: 'linked', generation, view: await link.call('operation.look', { operation }) } as const;
  } catch (error) {
    return silent(nodeFailure(place, error).parts.what);
  }
}

const unconfigured = {
  dataDir: { kind: 'missing' },
  quarantine: null,
  repairOf: null,
  fileSystem: 'neverSeen',
  freeBytes: Number.MAX_SAFE_INTEGER,
} as const;
