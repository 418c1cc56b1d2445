/**
 * The cluster as etcd itself tells it: every endpoint asked on its own, at once, with the operator's certificate.
 */
import { connectEtcd, type EtcdAdmin, EtcdError, type Member, type MemberStatus } from '@etcd-agent/etcd';

/** Longest wait for one endpoint: etcdctl's own command timeout. */
const endpointMsMax = 5_000;

export interface AdminCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface EndpointView {
  readonly name: string;
  readonly endpoint: string;
  /** A linearizable read, as `etcdctl endpoint health` does it. */
  readonly health:
    | { readonly kind: 'healthy'; readonly tookMs: number }
    | { readonly kind: 'unhealthy'; readonly why: string };
  readonly status: MemberStatus | undefined;
}

export interface ClusterView {
  readonly endpoints: readonly EndpointView[];
  /** From the first endpoint that could tell; linearizable where there is a quorum. */
  readonly members: readonly Member[] | undefined;
}

export async function viewCluster(
  endpoints: readonly { readonly name: string; readonly clientURL: string }[],
  credentials: AdminCredentials,
  deadlineMs = endpointMsMax,
): Promise<ClusterView> {
  const admins = await Promise.all(
    endpoints.map(({ clientURL }) => connectEtcd({ endpoint: clientURL, ...credentials, deadlineMs })),
  );
  try {
    return await viewThrough(endpoints.map(({ name }, index) => ({ name, admin: admins[index]! })));
  } finally {
    for (const admin of admins) admin.close();
  }
}

/** The same over clients that are there already; they stay open. */
export async function viewThrough(
  clients: readonly { readonly name: string; readonly admin: EtcdAdmin }[],
): Promise<ClusterView> {
  const views = await Promise.all(clients.map(({ name, admin }) => viewEndpoint(name, admin)));
  return {
    endpoints: views,
    members: await memberList(
      views,
      clients.map(({ admin }) => admin),
    ),
  };
}

async function viewEndpoint(name: string, admin: EtcdAdmin): Promise<EndpointView> {
  const [health, status] = await Promise.all([healthOf(admin), orUndefined(admin.status())]);
  return { name, endpoint: admin.endpoint, health, status };
}

async function healthOf(admin: EtcdAdmin): Promise<EndpointView['health']> {
  try {
    return { kind: 'healthy', tookMs: (await admin.linearizableRead()).tookMs };
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    return { kind: 'unhealthy', why: error.message.replace(`${admin.endpoint}: `, '') };
  }
}

// With quorum the list is linearizable; without, whatever one member remembers is better than nothing.
async function memberList(
  views: readonly EndpointView[],
  admins: readonly EtcdAdmin[],
): Promise<readonly Member[] | undefined> {
  const order = views
    .map((view, index) => ({ view, admin: admins[index]! }))
    .filter(({ view }) => view.status !== undefined);
  order.sort(
    (a, b) => Number(a.view.health.kind === 'unhealthy') - Number(b.view.health.kind === 'unhealthy'),
  );
  for (const { view, admin } of order) {
    const members = await orUndefined(admin.memberList({ linearizable: view.health.kind === 'healthy' }));
    if (members !== undefined) return members;
  }
  return undefined;
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof EtcdError) return undefined;
    throw error;
  }
}
