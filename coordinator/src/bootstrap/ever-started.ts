/**
 * What the members themselves tell a bootstrap: whether they have a quorum, and which of them have run before. A member publishes its client URLs when it first serves; one
 * that has done so and has no data now must never start empty.
 */
import { hasQuorum } from '@etcd-agent/etcd';
import { readAdminCredentials } from '../authority.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import type { NodeSituation } from './plan/situation.js';

/** Running members answer at once; one that hangs must not hold a resume up for long. */
const answerMsMax = 2_000;

/** Names of started members. Asked only where some nodes run and others have no data; empty where nobody can tell. */
export async function everStarted(
  cluster: Cluster,
  nodes: readonly NodeSituation[],
): Promise<readonly string[]> {
  const running = nodes.filter((node) => node.kind === 'linked' && isUp(node.snapshot.service.kind));
  if (running.length === 0 || running.length === nodes.length) return [];
  const credentials = await readAdminCredentials(cluster.state);
  const { members } = await viewCluster(
    running.map(({ place }) => place),
    credentials,
    answerMsMax,
  );
  // The members of a first start have names from the beginning; client URLs come when a member first serves.
  return (members ?? []).filter(({ clientURLs }) => clientURLs.length > 0).map(({ name }) => name);
}

// Under systemd a member without a quorum stays `activating`.
function isUp(service: string): boolean {
  return service === 'active' || service === 'activating';
}

/** Whether a quorum of all members answers a linearizable read. */
export async function quorumAnswers(cluster: Cluster): Promise<boolean> {
  const { endpoints } = await viewCluster(
    cluster.places,
    await readAdminCredentials(cluster.state),
    answerMsMax,
  );
  const healthy = endpoints.filter(({ health }) => health.kind === 'healthy').length;
  return hasQuorum(endpoints.length, healthy);
}
