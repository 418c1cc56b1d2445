/** `coordinator status`: cluster, quorum, members, agents and certificates on one page. */
import type { Member } from '@etcd-agent/etcd';
import { readCertificate } from '@etcd-agent/pki';
import type { NodeSnapshot, PeerView, Waiting } from '@etcd-agent/protocol';
import { readAdminCredentials } from '../authority.js';
import { reachAll } from '../bootstrap/connect.js';
import { entryOf } from '../cluster/entry-of.js';
import { wantedPlaces } from '../cluster/finished.js';
import { type Cluster, credentialsOf, openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import { type ClusterView, viewCluster } from '../cluster/probe-members.js';
import type { ExitName } from '../failure.js';
import { type AlarmRow, alarmNotes, alarmRows, alarmTable } from '../output/alarms.js';
import { leaderOf, memberRows, memberTable } from '../output/members.js';
import { scheduledLine, scheduledSnapshots } from '../output/scheduled-snapshots.js';
import { sightRows, sightSentences, sightTable } from '../output/sights.js';
import { table } from '../output/table.js';
import { countVoters, verdictOf, verdictText } from '../output/verdict.js';
import type { View } from '../output/view.js';
import type { BootstrapRecord } from '../state/records.js';
import type { NodePlace } from '../topology/places.js';
import type { CommandContext } from './context.js';

interface AgentRow {
  readonly name: string;
  readonly address: string;
  readonly connected: boolean;
  /** What its agent says of etcd, or why it was not reached. */
  readonly state: string;
}

interface CertificateRow {
  readonly node: string;
  readonly name: string;
  readonly notAfter: string;
}

export async function status({ stateDir }: CommandContext): Promise<View> {
  const cluster = await openCluster(stateDir);
  const record = await readBootstrapRecord(cluster.state);
  const wanted = wantedPlaces(cluster.places, record);
  const [agents, seen] = await Promise.all([
    viewAgents(cluster),
    record === undefined ? undefined : viewMembers(cluster, wanted),
  ]);
  const members = seen === undefined ? [] : memberRows(cluster.places, seen);
  const counts = countVoters(cluster.places.length, members);
  const alarms = seen === undefined ? [] : alarmRows(seen.endpoints, agents.waiting, members);
  const certificates = [...agents.certificates, ...(await ownCertificates(cluster))];
  const id = record?.clusterId ?? null;
  const isWanted = ({ name }: { name: string }) => wanted.some((place) => place.name === name);
  const missing = wanted.filter((place) => seen?.members !== undefined && !isVoter(place, seen.members));
  const wantedAgents = agents.rows.filter(isWanted);
  const exit = verdictOf({
    bootstrapped: record !== undefined,
    counts,
    anyAnswers:
      seen?.endpoints.some((view) => view.status !== undefined) === true ||
      wantedAgents.some(({ connected }) => connected),
    allAgents: wantedAgents.every(({ connected }) => connected),
    missing: missing.length,
    alarms,
  });
  const names = cluster.places.map(({ name }) => name);
  const sights = sightRows(agents.views);
  const leader = seen === undefined ? undefined : leaderOf(seen);
  const scheduled = scheduledSnapshots(cluster.topology.snapshots, agents.views);
  return {
    document: {
      kind: 'Status',
      cluster: { name: cluster.topology.name, id, bootstrapped: record?.completedAt !== undefined },
      quorum: counts,
      leader: leader ?? null,
      alarms,
      members,
      agents: agents.rows,
      unwanted: record?.unwanted ?? [],
      underWay: record?.underWay ?? null,
      sights,
      snapshots: scheduled,
      certificates,
    },
    table: [
      `Cluster ${cluster.topology.name}${id === null ? '' : ` (${id})`}: ${verdictText(exit, counts, alarms)}${withoutVoter(missing)}`,
      ...(record?.underWay === undefined ? [] : ['', underWayText(record.underWay)]),
      ...(alarms.length === 0 ? [] : ['', alarmTable(alarms)]),
      ...(members.length === 0 ? [] : ['', memberTable(members)]),
      '',
      table(
        ['AGENT', 'ADDRESS', 'CONNECTED', 'ETCD'],
        agents.rows.map(({ name, address, connected, state }) => [
          name,
          address,
          connected ? 'yes' : 'no',
          state,
        ]),
      ),
      ...(sights.length === 0
        ? []
        : ['', sightTable(names, sights), ...sightSentences(names, sights).map((line) => `  ${line}`)]),
      ...(record === undefined || record.unwanted.length === 0
        ? []
        : ['', `removed on purpose: ${record.unwanted.join(', ')}`]),
      ...(record === undefined ? [] : ['', scheduledLine(scheduled)]),
      '',
      table(
        ['CERTIFICATE OF', 'NAME', 'EXPIRES'],
        certificates.map(({ node, name, notAfter }) => [node, name, notAfter]),
      ),
    ].join('\n'),
    exit,
    notes: notesOf(exit, record !== undefined, agents.notes, alarms),
  };
}

/** As etcd tells it; of nodes that are not wanted only those are asked that are members still. */
async function viewMembers(cluster: Cluster, wanted: readonly NodePlace[]): Promise<ClusterView> {
  const credentials = await readAdminCredentials(cluster.state);
  const seen = await viewCluster(wanted, credentials);
  const left = cluster.places.filter(
    (place) => !wanted.includes(place) && entryOf(place, seen.members ?? []) !== undefined,
  );
  if (left.length === 0) return seen;
  const { endpoints } = await viewCluster(left, credentials);
  return { ...seen, endpoints: [...seen.endpoints, ...endpoints] };
}

function underWayText({ kind, id, nodes, command }: NonNullable<BootstrapRecord['underWay']>): string {
  const what = kind === 'undo' ? 'a restore is being taken back' : 'a restore is under way';
  return `${what} on ${nodes.join(', ')} (operation ${id}); agents do nothing by themselves until it has ended: ${command}`;
}

function isVoter(place: NodePlace, members: readonly Member[]): boolean {
  return entryOf(place, members)?.role === 'voter';
}

function withoutVoter(missing: readonly NodePlace[]): string {
  return missing.length === 0 ? '' : `; without a voter: ${missing.map(({ name }) => name).join(', ')}`;
}

interface AgentsView {
  readonly rows: AgentRow[];
  /** What those that answer see of each other. */
  readonly views: PeerView[];
  readonly certificates: CertificateRow[];
  /** What those that answer wait for. */
  readonly waiting: Waiting[];
  readonly notes: string[];
}

async function viewAgents(cluster: Cluster): Promise<AgentsView> {
  const { state, topology, places } = cluster;
  const credentials = await credentialsOf(cluster);
  const { links, failures } = await reachAll(places, {
    state,
    cluster: topology.name,
    credentials,
    mayEnrol: false,
  });
  const snapshots = new Map<string, NodeSnapshot | string>();
  const views = new Map<string, PeerView>();
  for (const { place, failure } of failures) snapshots.set(place.name, failure.parts.what);
  await Promise.all(
    links.map(async (link) => {
      const { name } = link.place;
      try {
        const [snapshot, view] = await Promise.all([
          link.call('node.observe', {}),
          // An agent that cannot tell what it sees can still be looked at.
          link.call('peer.view', {}).catch(() => undefined),
        ]);
        snapshots.set(name, snapshot);
        if (view !== undefined) views.set(name, view);
      } catch (error) {
        snapshots.set(name, (error as Error).message);
      } finally {
        link.close();
      }
    }),
  );
  const rows = places.map(({ name, address, agentPort }): AgentRow => {
    const seen = snapshots.get(name)!;
    const at = `${address.includes(':') ? `[${address}]` : address}:${agentPort}`;
    return typeof seen === 'string'
      ? { name, address: at, connected: false, state: seen }
      : { name, address: at, connected: true, state: describeService(seen) };
  });
  const certificates = places.flatMap(({ name }) => {
    const seen = snapshots.get(name)!;
    return typeof seen === 'string'
      ? []
      : seen.certificates.map((each) => ({ node: name, name: each.name, notAfter: each.notAfter }));
  });
  const waiting = [...snapshots.values()].flatMap((seen) => (typeof seen === 'string' ? [] : seen.waiting));
  const notes = failures.flatMap(({ failure }) =>
    failure.parts.next === undefined ? [] : [`next: ${failure.parts.next}`],
  );
  return {
    rows,
    views: places.flatMap(({ name }) => views.get(name) ?? []),
    certificates,
    waiting,
    notes: [...new Set(notes)],
  };
}

function describeService({ service, waiting }: NodeSnapshot): string {
  const detail = service.detail === undefined || service.detail === '' ? '' : ` (${service.detail})`;
  const waits = waiting.map(({ reason }) => `; waiting: ${reason}`).join('');
  return `${service.kind}${detail}${waits}`;
}

async function ownCertificates({ state }: Cluster): Promise<CertificateRow[]> {
  const own = [
    ['etcd CA', 'ca', 'etcd-root-ca.pem'],
    ['peer CA', 'ca', 'peer-ca.pem'],
    ['agent CA', 'ca', 'agent-ca.pem'],
    ['operator', 'admin', 'etcd-client.pem'],
    ['coordinator', 'link', 'coordinator.pem'],
  ] as const;
  const texts = await Promise.all(
    own.map(async ([name, ...path]) => ({ name, text: await state.text(...path) })),
  );
  return texts.flatMap(({ name, text }) =>
    text === undefined
      ? []
      : [{ node: 'coordinator', name, notAfter: readCertificate(text).notAfter.toISOString() }],
  );
}

function notesOf(
  exit: ExitName,
  bootstrapped: boolean,
  agentNotes: readonly string[],
  alarms: readonly AlarmRow[],
): string[] {
  if (!bootstrapped) return [...agentNotes, 'next: coordinator bootstrap'];
  return exit === 'ok'
    ? []
    : [
        ...agentNotes,
        ...alarmNotes(alarms),
        'next: coordinator heal status; coordinator explain NODE says what is done about a node, and what you can do',
      ];
}
