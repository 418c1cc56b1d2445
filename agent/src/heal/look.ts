/**
 * One look at the cluster: every etcd endpoint as its client, and every other agent over its link, all at once; a light look,
 * which has time, one after the other. Whoever does not answer says why; nothing is concluded here.
 */
import {
  type Alarm,
  type EtcdAdmin,
  EtcdError,
  type Member,
  type MemberId,
  type MemberStatus,
} from '@etcd-agent/etcd';
import type { MemberSpec, PeerView } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { StoredIdentity } from '../store.js';
import { answerMsMax, type Credentials, type EtcdClients } from './etcd-clients.js';

export interface EndpointSight {
  readonly node: string;
  readonly admin: EtcdAdmin | undefined;
  readonly status: MemberStatus | undefined;
  /** Linearizable; undefined where no such read went through this endpoint. */
  readonly list: readonly Member[] | undefined;
  /** As this member has applied it; asked only while a member joins. */
  readonly local: readonly Member[] | undefined;
  /** Why something of it is missing. */
  readonly why: string;
}

export type PeerSight = { readonly node: string } & (
  | { readonly kind: 'up'; readonly view: PeerView }
  | { readonly kind: 'silent'; readonly why: string }
);

export interface Look {
  readonly light: boolean;
  readonly endpoints: readonly EndpointSight[];
  readonly peers: readonly PeerSight[];
}

export interface LookOptions {
  readonly spec: MemberSpec;
  readonly identity: StoredIdentity;
  readonly credentials: Credentials | undefined;
  readonly clients: EtcdClients;
  /** Also what each member has applied by itself. */
  readonly locally: boolean;
  /** This node's etcd runs; one that does not is not dialled. */
  readonly ownRuns: boolean;
  /**
   * Only this node's etcd is asked for the list, and the others for a linearizable read each: enough to see that all is well,
   * at half the cost, and not enough to act on. In turn: a burst of work would hold up the writes of an etcd on the same cores.
   */
  readonly light: boolean;
}

export async function lookAround(host: AgentHost, options: LookOptions): Promise<Look> {
  const { spec } = options;
  const others = spec.agents.filter(({ name }) => name !== spec.node);
  const lookAtEtcds = () =>
    inTurnOrAtOnce(options.light, spec.agents, ({ name, clientURLs }) =>
      lookAtEndpoint(name, clientURLs[0]!, options),
    );
  const lookAtPeers = () =>
    inTurnOrAtOnce(options.light, others, async (peer): Promise<PeerSight> => {
      try {
        const view = await host.peers.view(peer, options.identity, answerMsMax);
        return { node: peer.name, kind: 'up', view };
      } catch (error) {
        return { node: peer.name, kind: 'silent', why: (error as Error).message };
      }
    });
  const [endpoints, peers] = options.light
    ? [await lookAtEtcds(), await lookAtPeers()]
    : await Promise.all([lookAtEtcds(), lookAtPeers()]);
  const ownList = endpoints.find(({ node }) => node === spec.node)?.list;
  return {
    light: options.light,
    endpoints: endpoints.map(({ reads, ...each }) =>
      reads === undefined ? each : { ...each, list: reads ? ownList : undefined },
    ),
    peers,
  };
}

async function inTurnOrAtOnce<T, R>(
  inTurn: boolean,
  all: readonly T[],
  act: (one: T) => Promise<R>,
): Promise<readonly R[]> {
  if (!inTurn) return Promise.all(all.map(act));
  const done: R[] = [];
  for (const one of all) done.push(await act(one));
  return done;
}

async function lookAtEndpoint(
  node: string,
  endpoint: string,
  options: LookOptions,
): Promise<EndpointSight & { readonly reads?: boolean }> {
  const { credentials, clients, spec, locally, ownRuns, light } = options;
  const unseen = { node, admin: undefined, status: undefined, list: undefined, local: undefined };
  if (credentials === undefined) return { ...unseen, why: 'this node has no etcd certificate' };
  if (node === spec.node && !ownRuns) return { ...unseen, why: 'etcd does not run' };
  const failures = new Set<string>();
  const orFailure = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked;
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      failures.add(shortened(error.message.replace(`${endpoint}: `, '')));
      return undefined;
    }
  };
  const admin = await orFailure(clients.at(endpoint, credentials));
  if (admin === undefined) return { ...unseen, why: [...failures].join('; ') };
  if (light && node !== spec.node) {
    const [status, read] = await Promise.all([
      orFailure(admin.status()),
      orFailure(admin.linearizableRead()),
    ]);
    return { ...unseen, admin, status, reads: read !== undefined, why: [...failures].join('; ') };
  }
  const [status, list, local] = await Promise.all([
    orFailure(admin.status()),
    orFailure(admin.memberList({ linearizable: true })),
    locally ? orFailure(admin.memberList({ linearizable: false })) : undefined,
  ]);
  return { node, admin, status, list, local, why: [...failures].join('; ') };
}

/** gRPC appends what it tried last, and that nothing was resolved. */
function shortened(message: string): string {
  return message.replace(/ Resolution note:.*$/, '').replace(/,?LB pick: \S+?s(?=,|$)/, '');
}

/** Alarms as the first of these members tells them: asking goes through the log of the cluster, so it is done seldom. */
export async function readAlarms(endpoints: readonly EndpointSight[]): Promise<readonly Alarm[]> {
  for (const { admin, list } of endpoints) {
    if (admin === undefined || list === undefined) continue;
    try {
      return await admin.alarms();
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    }
  }
  return [];
}

export interface MemberHash {
  readonly id: MemberId;
  readonly hash: string;
}

/** The hashes of all voters' keys at one revision that all of them have; an Error says why there are none. */
export async function readHashes(
  endpoints: readonly EndpointSight[],
  voters: readonly MemberId[],
): Promise<readonly MemberHash[] | Error> {
  const asked = voters.map((id) => endpoints.find(({ status }) => status?.memberId === id));
  if (asked.some((each) => each?.admin === undefined || each.status === undefined))
    return new Error('not every voter answers, so their keys cannot be compared');
  const seen = asked as (EndpointSight & { admin: EtcdAdmin; status: MemberStatus })[];
  const minors = new Set(seen.map(({ status }) => status.version.split('.').slice(0, 2).join('.')));
  if (minors.size > 1) return new Error(`voters of versions ${[...minors].join(', ')} hash differently`);
  const [revision] = seen.map(({ status }) => BigInt(status.revision)).sort((a, b) => (a < b ? -1 : 1));
  try {
    const read = await Promise.all(
      seen.map(async ({ admin, status }) => ({
        id: status.memberId,
        ...(await admin.hashKV(String(revision))),
      })),
    );
    if (new Set(read.map(({ compactRevision }) => compactRevision)).size > 1)
      return new Error('a compaction has not reached every voter yet, so their keys cannot be compared');
    return read.map(({ id, hash }) => ({ id, hash: String(hash) }));
  } catch (error) {
    if (error instanceof EtcdError) return error;
    throw error;
  }
}
