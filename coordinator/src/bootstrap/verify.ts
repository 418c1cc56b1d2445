/**
 * The proof that a bootstrap has worked: a linearizable write through every endpoint, the member list equal to the record
 * with the ids that were expected, and every node's etcd.conf on `existing`.
 */
import { connectEtcd, type EtcdAdmin, EtcdError, ownKeyPrefix } from '@etcd-agent/etcd';
import { acceptsConnections, systemClock } from '@etcd-agent/platform';
import { type AdminCredentials, type ClusterView, viewThrough } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { PhaseReport } from '../progress.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import { assertCluster, assertMembers } from './assert-members.js';

/** One try of one endpoint. An etcd that is electing answers late; a new try is cheap. */
const tryMsMax = 2_000;
/** Between two looks at a port that is not open yet. */
const portMs = 25;
/** Between two tries of an endpoint. */
const retryMs = 50;
/** Between two looks at an etcd.conf that is not flipped yet: the agent looks ten times a second then. */
const confMs = 50;

export interface VerifyOptions {
  readonly places: readonly NodePlace[];
  readonly links: readonly NodeLink[];
  readonly record: BootstrapRecord;
  readonly credentials: AdminCredentials;
  /** How long the cluster may take to become healthy. */
  readonly timeoutMs: number;
  readonly report: PhaseReport;
  /**
   * Whatever its members are, they serve the cluster on record, and it is enough that a quorum does: the others are as they were,
   * for their agents to repair. Left out: they must be those on record, all healthy.
   */
  readonly anyMembers?: true;
  /** Where an alarm refuses writes, it is enough that a quorum tells of it: what to do about it comes after. */
  readonly underAlarm?: true;
  /** The command that goes on from here; left out: the bootstrap. */
  readonly again?: string;
}

interface MemberClient {
  readonly name: string;
  readonly place: NodePlace;
  readonly admin: EtcdAdmin;
}

/**
 * Resolves when everything holds, with the cluster as it was then. Throws Failure: who is not healthy and what its agent
 * says, or what does not match.
 */
export async function verify(options: VerifyOptions): Promise<ClusterView> {
  const { places, links, record, credentials } = options;
  const deadline = performance.now() + options.timeoutMs;
  // Agents flip when they see a WAL, which is long before there is a leader: both are waited for at once.
  const flips = Promise.allSettled(links.map((link) => waitFlipped(link, deadline)));
  const clients = await Promise.all(
    places.map(async (place): Promise<MemberClient> => {
      const admin = await connectEtcd({ endpoint: place.clientURL, ...credentials, deadlineMs: tryMsMax });
      return { name: place.name, place, admin };
    }),
  );
  try {
    const healthy = await healthyOf(clients, options, deadline);
    const view = await viewSettled(healthy, Math.max(deadline, performance.now() + tryMsMax));
    if (options.anyMembers === true) assertCluster(view, record);
    else assertMembers(view, record);
    for (const flip of await flips) if (flip.status === 'rejected') throw flip.reason;
    return healthy.length === clients.length ? view : await viewThrough(clients);
  } finally {
    for (const { admin } of clients) admin.close();
  }
}

/** Those through which a write goes: all, or where any members will do, a quorum at least, since it takes one to write. */
async function healthyOf(
  clients: readonly MemberClient[],
  { places, links, record, report, timeoutMs, again, anyMembers, underAlarm }: VerifyOptions,
  deadline: number,
): Promise<readonly MemberClient[]> {
  const pending = new Set(clients.map(({ name }) => name));
  const outcomes = await Promise.allSettled(
    clients.map(async (client) => {
      await waitHealthy(client, record, deadline, underAlarm === true);
      pending.delete(client.name);
      report.note(pending.size === 0 ? 'all answer' : `waiting for ${[...pending].join(', ')}`);
    }),
  );
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ place: places[index]!, reason: outcome.reason as unknown }] : [],
  );
  if (failed.length > 0 && (anyMembers !== true || failed.length === clients.length))
    throw await notHealthy(failed, places, links, { timeoutMs, again });
  return clients.filter((_, at) => outcomes[at]!.status === 'fulfilled');
}

async function waitHealthy(
  { name, place, admin }: MemberClient,
  record: BootstrapRecord,
  deadline: number,
  underAlarm: boolean,
): Promise<void> {
  await waitPort(place, deadline);
  const key = `${ownKeyPrefix}bootstrap/${record.bootstrapId}/${name}`;
  for (;;) {
    try {
      await proveWrite(admin, key, name).catch(async (error: unknown) => {
        if (!underAlarm || !(error instanceof EtcdError) || error.kind !== 'alarmed') throw error;
        await admin.alarms();
      });
      return;
    } catch (error) {
      const mayRetry = error instanceof EtcdError && error.retryable;
      if (!mayRetry || performance.now() >= deadline) throw error;
      await systemClock.sleep(retryMs);
    }
  }
}

/** A write of its own through this endpoint, read back and deleted. */
async function proveWrite(admin: EtcdAdmin, key: string, name: string): Promise<void> {
  await admin.put(key, name);
  const read = await admin.get(key);
  if (read.kind !== 'found' || read.value !== name)
    throw new Error(`wrote a key through ${name} and did not read it back`);
  await admin.delete(key);
}

// gRPC waits longer and longer between its dials; a bare look at the port does not.
async function waitPort({ address, clientPort, name }: NodePlace, deadline: number): Promise<void> {
  for (;;) {
    if (await acceptsConnections(address, clientPort, tryMsMax)) return;
    if (performance.now() >= deadline)
      throw new Error(`etcd of ${name} does not listen on ${address} port ${clientPort}`);
    await systemClock.sleep(portMs);
  }
}

// A leader may change between a member's last write and this look.
async function viewSettled(clients: readonly MemberClient[], deadline: number): Promise<ClusterView> {
  for (;;) {
    const view = await viewThrough(clients);
    const settled =
      view.members !== undefined &&
      view.endpoints.every(({ health, status }) => health.kind === 'healthy' && status !== undefined);
    if (settled || performance.now() >= deadline) return view;
    await systemClock.sleep(retryMs);
  }
}

async function waitFlipped(link: NodeLink, deadline: number): Promise<void> {
  for (;;) {
    const { conf } = await link.call('node.observe', { etcd: 'leave' });
    if (conf.kind === 'present' && conf.initialClusterState === 'existing') return;
    if (performance.now() >= deadline) {
      throw new Failure({
        exit: 'failed',
        what: `${link.place.name} has not changed its etcd.conf to existing`,
        cause: conf.kind === 'unreadable' ? conf.why : 'its agent does not see a WAL',
        next: `on ${link.place.name}: journalctl -u etcd-agent`,
      });
    }
    await systemClock.sleep(confMs);
  }
}

async function notHealthy(
  failed: readonly { readonly place: NodePlace; readonly reason: unknown }[],
  places: readonly NodePlace[],
  links: readonly NodeLink[],
  { timeoutMs, again = 'coordinator bootstrap' }: { timeoutMs: number; again: string | undefined },
): Promise<Failure> {
  const where = await Promise.all(
    failed.map(async ({ place, reason }) => {
      const link = links.find((each) => each.place === place);
      const seen = await link?.call('node.observe', {}).then(
        ({ service }) =>
          `its agent says: etcd is ${service.kind}${service.detail === undefined ? '' : `, ${service.detail}`}`,
        (error: unknown) => nodeFailure(place, error).parts.what,
      );
      return `${place.name}: ${(reason as Error).message}${seen === undefined ? '' : `; ${seen}`}`;
    }),
  );
  return new Failure({
    exit: failed.length >= places.length / 2 ? 'noQuorum' : 'degraded',
    what: `${failed.length} of ${places.length} members did not become healthy within ${timeoutMs / 1000} s`,
    where,
    cause: "etcd's own log says why",
    next: `coordinator explain ${failed[0]!.place.name}, and the log of etcd there; then run ${again} again: it goes on from here`,
  });
}
