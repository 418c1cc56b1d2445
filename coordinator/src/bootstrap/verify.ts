/**
 * The proof that a bootstrap has worked: a linearizable write through every endpoint, the member list equal to the record
 * with the ids that were expected, and every node's etcd.conf on `existing`.
 */
import { connect } from 'node:net';
import { connectEtcd, EtcdError } from '@etcd-agent/etcd';
import type { AdminCredentials } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { nodeFailure } from '../link/dial-error.js';
import type { NodeLink } from '../link/dial-node.js';
import type { PhaseReport } from '../progress.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';

/** One try of one endpoint. An etcd that is electing answers late; a new try is cheap. */
const tryMsMax = 2_000;
/** Between two looks at a port that is not open yet. */
const portMs = 25;
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
}

/** Resolves when everything holds. Throws Failure: who is not healthy and what its agent says, or what does not match. */
export async function verify(options: VerifyOptions): Promise<void> {
  const { places, links, record, credentials, report } = options;
  const deadline = performance.now() + options.timeoutMs;
  const pending = new Set(places.map(({ name }) => name));
  const outcomes = await Promise.allSettled(
    places.map(async (place) => {
      await waitHealthy(place, record, credentials, deadline);
      pending.delete(place.name);
      report.note(pending.size === 0 ? 'all answer' : `waiting for ${[...pending].join(', ')}`);
    }),
  );
  const failed = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ place: places[index]!, reason: outcome.reason as unknown }] : [],
  );
  if (failed.length > 0) throw await notHealthy(failed, places, links, options.timeoutMs);
  await checkMembers(places, record, credentials);
  await Promise.all(links.map((link) => waitFlipped(link, deadline)));
}

/** A write of its own through this endpoint, read back and deleted. */
async function waitHealthy(
  place: NodePlace,
  record: BootstrapRecord,
  credentials: AdminCredentials,
  deadline: number,
): Promise<void> {
  await waitPort(place, deadline);
  const admin = await connectEtcd({ endpoint: place.clientURL, ...credentials, deadlineMs: tryMsMax });
  const key = `/etcd-agent/bootstrap/${record.bootstrapId}/${place.name}`;
  try {
    for (;;) {
      try {
        await admin.put(key, place.name);
        const read = await admin.get(key);
        if (read.kind !== 'found' || read.value !== place.name)
          throw new Error(`wrote a key through ${place.name} and did not read it back`);
        await admin.delete(key);
        return;
      } catch (error) {
        const mayRetry = error instanceof EtcdError && error.retryable;
        if (!mayRetry || performance.now() >= deadline) throw error;
        await sleep(50);
      }
    }
  } finally {
    admin.close();
  }
}

// gRPC waits longer and longer between its dials; a bare look at the port does not.
async function waitPort({ address, clientPort, name }: NodePlace, deadline: number): Promise<void> {
  for (;;) {
    if (await isOpen(address, clientPort)) return;
    if (performance.now() >= deadline)
      throw new Error(`etcd of ${name} does not listen on ${address} port ${clientPort}`);
    await sleep(portMs);
  }
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: tryMsMax });
    const finish = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}

async function checkMembers(
  places: readonly NodePlace[],
  record: BootstrapRecord,
  credentials: AdminCredentials,
): Promise<void> {
  const admin = await connectEtcd({ endpoint: places[0]!.clientURL, ...credentials, deadlineMs: tryMsMax });
  try {
    const [members, status] = await Promise.all([admin.memberList({ linearizable: true }), admin.status()]);
    const found = members.map(({ id, name, peerURLs }) => `${id} ${name} ${peerURLs.join(',')}`).sort();
    const expected = record.members
      .map(({ memberId, name, peerURLs }) => `${memberId} ${name} ${peerURLs.join(',')}`)
      .sort();
    if (found.join('\n') === expected.join('\n') && status.clusterId === record.clusterId) return;
    throw new Failure({
      exit: 'failed',
      what: 'the cluster has come up, but it is not the one that was to begin',
      where: [
        `found cluster ${status.clusterId}: ${found.join('; ')}`,
        `expected cluster ${record.clusterId}: ${expected.join('; ')}`,
      ],
      cause: 'members were changed by hand meanwhile, or another cluster answers at these addresses',
      next: 'coordinator member list',
    });
  } finally {
    admin.close();
  }
}

async function waitFlipped(link: NodeLink, deadline: number): Promise<void> {
  for (;;) {
    const { conf } = await link.call('node.observe', {});
    if (conf.kind === 'present' && conf.initialClusterState === 'existing') return;
    if (performance.now() >= deadline) {
      throw new Failure({
        exit: 'failed',
        what: `${link.place.name} has not changed its etcd.conf to existing`,
        cause: conf.kind === 'unreadable' ? conf.why : 'its agent does not see a WAL',
        next: `on ${link.place.name}: journalctl -u etcd-agent`,
      });
    }
    await sleep(confMs);
  }
}

async function notHealthy(
  failed: readonly { readonly place: NodePlace; readonly reason: unknown }[],
  places: readonly NodePlace[],
  links: readonly NodeLink[],
  timeoutMs: number,
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
    next: 'look at the log of etcd there, then run coordinator bootstrap again: it goes on from here',
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
