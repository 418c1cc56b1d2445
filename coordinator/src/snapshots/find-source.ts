/** Asks the members which of them a snapshot is to be taken from. */
import { readAdminCredentials } from '../authority.js';
import { wantedPlaces } from '../cluster/finished.js';
import { type Cluster, placeOf, readBootstrapRecord } from '../cluster/open-cluster.js';
import { type EndpointView, viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { pickSource, type Source } from './plan/pick-source.js';

/** The member that it costs least, or that of the node `from`. Throws Failure where there is none. */
export async function findSource(cluster: Cluster, from: string | undefined): Promise<Source> {
  const credentials = await readAdminCredentials(cluster.state);
  if (from !== undefined) {
    const { endpoints } = await viewCluster([placeOf(cluster, from, 'snapshot save --from')], credentials);
    return named(endpoints[0]!);
  }
  const places = wantedPlaces(cluster.places, await readBootstrapRecord(cluster.state));
  const { endpoints } = await viewCluster(places, credentials);
  const source = pickSource(endpoints);
  if (source === undefined) throw nobody(endpoints);
  return source;
}

/** A person's choice: also one that has lost touch with the others. It says so. */
function named({ name, endpoint, health, status }: EndpointView): Source {
  if (status === undefined)
    throw new Failure({
      exit: 'unreachable',
      what: `the etcd of ${name} does not answer`,
      where: [endpoint],
      next: `coordinator explain ${name}`,
    });
  const role = status.leader === status.memberId ? 'leader' : 'follower';
  return {
    name,
    endpoint,
    role: health.kind === 'healthy' ? role : 'out of touch',
    behind: 0,
    version: status.version,
  };
}

function nobody(endpoints: readonly EndpointView[]): Failure {
  const answering = endpoints.filter(({ status }) => status !== undefined);
  return new Failure({
    exit: answering.length === 0 ? 'unreachable' : 'noQuorum',
    what: 'no member serves a linearizable read: what they would send may be old',
    where: endpoints.map(({ name, endpoint, health }) =>
      health.kind === 'healthy' ? `${name} ${endpoint}` : `${name} ${endpoint}: ${health.why}`,
    ),
    next: `coordinator status${answering.length === 0 ? '' : `\nwhat one member has all the same: coordinator snapshot save --from ${answering[0]!.name}`}`,
  });
}
