/** What a recovery is decided from, as it is now: every agent's report, and whether any etcd still serves. */
import type { DiskReport } from '@etcd-agent/protocol';
import { readAdminCredentials } from '../authority.js';
import type { Reached } from '../bootstrap/connect.js';
import { askAgents } from '../cluster/ask-agents.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import type { NodeSeen, Situation } from './plan/situation.js';

/** Reading through two segments of a log and a listing of directories, on a slow disk. */
const reportMsMax = 30_000;
/** A member that serves a read does so at once, but in an election. */
const answerMsMax = 3_000;

export async function lookForRecovery(
  cluster: Cluster,
  record: BootstrapRecord,
  places: readonly NodePlace[],
  reached: Reached,
): Promise<Omit<Situation, 'givenUp' | 'from'>> {
  const [{ answered, silent }, { endpoints }] = await Promise.all([
    askAgents(reached, (link): Promise<DiskReport> => link.call('disk.report', {}, reportMsMax)),
    viewCluster(places, await readAdminCredentials(cluster.state), answerMsMax),
  ]);
  const nodes = places.map(({ name }): NodeSeen => {
    const report = answered.find(({ place }) => place.name === name)?.value;
    if (report !== undefined) return { name, kind: 'reported', report };
    const failure = silent.find(({ place }) => place.name === name)?.failure;
    const etcdAnswers = endpoints.some((each) => each.name === name && each.status !== undefined);
    return { name, kind: 'silent', why: failure?.parts.what ?? 'it was not asked', etcdAnswers };
  });
  return {
    cluster: { name: cluster.topology.name, clusterId: record.clusterId },
    nodes,
    reads: endpoints.filter(({ health }) => health.kind === 'healthy').map(({ name }) => name),
  };
}
