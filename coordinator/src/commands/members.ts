/** `coordinator member list` and `coordinator health`: etcd's own view, without agents. */
import { quorum } from '@etcd-agent/etcd';
import { readAdminCredentials } from '../authority.js';
import { wantedPlaces } from '../cluster/finished.js';
import { type Cluster, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { judgedByAlarms } from '../output/alarms.js';
import { healthLine } from '../output/health-line.js';
import { table } from '../output/table.js';
import type { View } from '../output/view.js';
import type { BootstrapRecord } from '../state/records.js';
import type { CommandContext } from './context.js';

export async function memberList({ stateDir }: CommandContext): Promise<View> {
  const { cluster } = await openBootstrapped(stateDir);
  const { members } = await viewCluster(cluster.places, await readAdminCredentials(cluster.state));
  if (members === undefined) throw nobodyAnswers(cluster);
  const rows = members.map(({ id, name, peerURLs, clientURLs, role, started }) => ({
    id,
    status: started ? 'started' : 'unstarted',
    name,
    peerURLs,
    clientURLs,
    role,
  }));
  return {
    document: { kind: 'MemberList', members: rows },
    table: table(
      ['ID', 'STATUS', 'NAME', 'PEER ADDRS', 'CLIENT ADDRS', 'IS LEARNER'],
      rows.map((row) => [
        row.id,
        row.status,
        row.name,
        row.peerURLs.join(','),
        row.clientURLs.join(','),
        String(row.role === 'learner'),
      ]),
    ),
  };
}

/** Every endpoint in etcdctl's line format; exit 0, 3, 4 or 5 by how many are healthy, 3 where only an alarm is armed. */
export async function health({ stateDir }: CommandContext): Promise<View> {
  const { cluster, record } = await openBootstrapped(stateDir);
  const { endpoints } = await viewCluster(
    wantedPlaces(cluster.places, record),
    await readAdminCredentials(cluster.state),
  );
  const healthy = endpoints.filter(({ health: { kind } }) => kind === 'healthy').length;
  const answering = endpoints.filter((view) => view.status !== undefined).length;
  const judged = endpoints.map(judgedByAlarms);
  const isAlarmed = judged.some((view, index) => view !== endpoints[index]);
  const exit =
    healthy === endpoints.length
      ? isAlarmed
        ? 'degraded'
        : 'ok'
      : healthy >= quorum(endpoints.length)
        ? 'degraded'
        : answering === 0
          ? 'unreachable'
          : 'noQuorum';
  return {
    document: {
      kind: 'Health',
      endpoints: judged.map(({ name, endpoint, health: each }) =>
        each.kind === 'healthy'
          ? { name, endpoint, health: true, tookMs: each.tookMs }
          : { name, endpoint, health: false, error: each.why },
      ),
    },
    table: judged.map(healthLine).join('\n'),
    exit,
    ...(exit === 'ok' ? {} : { notes: ['next: coordinator status'] }),
  };
}

/** The cluster of this state, where it has been bootstrapped. Throws Failure otherwise. */
async function openBootstrapped(stateDir: string): Promise<{ cluster: Cluster; record: BootstrapRecord }> {
  const cluster = await openCluster(stateDir);
  const record = await readBootstrapRecord(cluster.state);
  if (record !== undefined) return { cluster, record };
  throw new Failure({
    exit: 'failed',
    what: `cluster ${cluster.topology.name} is not bootstrapped yet`,
    next: 'coordinator bootstrap',
  });
}

function nobodyAnswers({ places }: Cluster): Failure {
  return new Failure({
    exit: 'unreachable',
    what: 'no member answers',
    where: places.map(({ name, clientURL }) => `${name} ${clientURL}`),
    cause: 'etcd is down on all of them, or a firewall is between',
    next: 'coordinator status',
  });
}
