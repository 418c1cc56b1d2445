/**
 * The proof that an operation has worked: a write of its own through every member, members and ids as they are on record, and
 * the same keys on all of them.
 */
import { connectEtcd, type EtcdAdmin, EtcdError } from '@etcd-agent/etcd';
import { systemClock } from '@etcd-agent/platform';
import { readAdminCredentials } from '../authority.js';
import { type VerifyOptions, verify } from '../bootstrap/verify.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { AdminCredentials, ClusterView } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import type { NodeLink } from '../link/dial-node.js';
import type { PhaseReport } from '../progress.js';
import type { BootstrapRecord } from '../state/records.js';
import { dropFormerAlarms } from './former-alarms.js';

/** A member that has not applied the newest revision yet is asked again. */
const hashTries = 40;
const hashAgainMs = 250;
/** Hashing reads all keys. */
const hashMsMax = 120_000;

export interface Checked {
  readonly cluster: Cluster;
  readonly links: readonly NodeLink[];
  readonly record: BootstrapRecord;
  readonly timeoutMs: number;
  readonly report: PhaseReport;
}

export async function checkMembers({
  cluster,
  links,
  record,
  timeoutMs,
  report,
}: Checked): Promise<ClusterView> {
  const credentials = await readAdminCredentials(cluster.state);
  const places = links.map(({ place }) => place);
  const { underWay } = record;
  const again = underWay?.command ?? 'coordinator restore --resume';
  const options: Omit<VerifyOptions, 'record'> = {
    places,
    links,
    credentials,
    timeoutMs,
    report,
    again,
    underAlarm: true,
  };
  // What was put back is what it was: a member that was being repaired then, or was damaged, goes on from there when the hold ends.
  if (underWay?.kind !== 'restore') return verify({ ...options, record, anyMembers: true });
  const members = expected(record, underWay.nodes);
  const alarms = await dropFormerAlarms(
    places.map(({ clientURL }) => clientURL),
    credentials,
    members.members.map(({ memberId }) => memberId),
  );
  for (const { type } of alarms) report.note(`disarmed ${type} of a member that was before`);
  const seen = await verify({ ...options, record: members });
  report.note('comparing the keys of all members');
  await compareKeys(
    places.map(({ name, clientURL }) => ({ name, clientURL })),
    credentials,
  );
  return seen;
}

/** A restored cluster has exactly the members that take part, under exactly the ids that follow from its token. */
function expected(record: BootstrapRecord, nodes: readonly string[]): BootstrapRecord {
  const { completedAt: _, ...first } = record;
  return { ...first, unwanted: [], members: record.members.filter(({ name }) => nodes.includes(name)) };
}

async function compareKeys(
  endpoints: readonly { readonly name: string; readonly clientURL: string }[],
  credentials: AdminCredentials,
): Promise<void> {
  const clients = await Promise.all(
    endpoints.map(({ clientURL }) =>
      connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs: hashMsMax }),
    ),
  );
  try {
    for (let tries = 1; ; tries += 1) {
      const hashes = await hashesOf(clients);
      if (hashes !== undefined && new Set(hashes).size === 1) return;
      if (tries >= hashTries)
        throw new Failure({
          exit: 'failed',
          what: 'the members do not have the same keys',
          where: endpoints.map(({ name }, at) => `${name}: ${hashes?.[at] ?? 'not known'}`),
          cause: 'a disk, or the restore, has damaged the data of one of them',
          next: 'coordinator restore undo',
        });
      await systemClock.sleep(hashAgainMs);
    }
  } finally {
    for (const client of clients) client.close();
  }
}

/** Hash and compact revision of each at the newest revision that all have; undefined: ask again. */
async function hashesOf(clients: readonly EtcdAdmin[]): Promise<readonly string[] | undefined> {
  try {
    const statuses = await Promise.all(clients.map((client) => client.status()));
    const [revision] = statuses.map(({ revision: each }) => BigInt(each)).sort((a, b) => (a < b ? -1 : 1));
    const hashes = await Promise.all(clients.map((client) => client.hashKV(String(revision))));
    return hashes.map(({ hash, compactRevision }) => `${hash} (compacted at ${compactRevision})`);
  } catch (error) {
    if (error instanceof EtcdError && error.retryable) return undefined;
    throw error;
  }
}
