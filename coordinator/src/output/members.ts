/** Members as rows: etcd's list joined with what each endpoint says of itself. Pure. */
import type { ClusterView } from '../cluster/probe-members.js';
import type { NodePlace } from '../topology/places.js';
import { table } from './table.js';

export interface MemberRow {
  readonly name: string;
  /** 16 hex digits; empty where no member list could be read. */
  readonly id: string;
  readonly role: 'voter' | 'learner' | 'unknown';
  readonly isLeader: boolean;
  readonly health: 'healthy' | 'unhealthy' | 'unstarted';
  readonly version: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  /** Bytes; null where the member did not answer. */
  readonly dbSize: number | null;
  /** uint64 as decimal strings. */
  readonly raftIndex: string;
  readonly raftTerm: string;
}

/** One row per member of etcd's list; where there is no list, one per node of the topology. */
export function memberRows(places: readonly NodePlace[], { endpoints, members }: ClusterView): MemberRow[] {
  const leader = leaderOf({ endpoints, members });
  const known =
    members ??
    places.map(({ name, peerURL, clientURL }) => ({
      id: endpoints.find((view) => view.name === name)?.status?.memberId ?? '',
      name,
      peerURLs: [peerURL],
      clientURLs: [clientURL],
      role: 'unknown' as const,
      started: true,
    }));
  const rows = known.map((member): MemberRow => {
    const view = endpoints.find(({ name, status }) =>
      status === undefined ? name === member.name : status.memberId === member.id,
    );
    const name = member.name || (places.find(({ peerURL }) => member.peerURLs.includes(peerURL))?.name ?? '');
    return {
      name,
      id: member.id,
      role: member.role,
      isLeader: member.id !== '' && member.id === leader,
      health: view?.health.kind === 'healthy' ? 'healthy' : member.started ? 'unhealthy' : 'unstarted',
      version: view?.status?.version ?? '',
      peerURLs: member.peerURLs,
      clientURLs: member.clientURLs,
      dbSize: view?.status?.dbSizeBytes ?? null,
      raftIndex: view?.status?.raftIndex ?? '',
      raftTerm: view?.status?.raftTerm ?? '',
    };
  });
  // As the operator wrote them; members that the topology does not name come last.
  const order = places.map(({ name }) => name);
  const rank = ({ name }: { name: string }) => (order.includes(name) ? order.indexOf(name) : order.length);
  return rows.sort((a, b) => rank(a) - rank(b));
}

/** Who leads, by the word of the member with the highest raft term; undefined where nobody knows one. */
export function leaderOf({ endpoints }: ClusterView): string | undefined {
  const known = endpoints.flatMap(({ status }) =>
    status === undefined || status.leader === 'none' ? [] : [status],
  );
  known.sort((a, b) => (BigInt(a.raftTerm) < BigInt(b.raftTerm) ? 1 : -1));
  return known[0]?.leader;
}

export function memberTable(rows: readonly MemberRow[]): string {
  return table(
    ['NAME', 'ID', 'ROLE', 'HEALTH', 'VERSION', 'CLIENT URL', 'DB SIZE', 'RAFT INDEX', 'RAFT TERM'],
    rows.map((row) => [
      row.name,
      row.id,
      row.isLeader ? 'leader' : row.role,
      row.health,
      row.version,
      row.clientURLs.join(','),
      row.dbSize === null ? '' : formatBytes(row.dbSize),
      row.raftIndex,
      row.raftTerm,
    ]),
  );
}

/** `20 kB`, as etcdctl shows sizes. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let power = 0;
  // 999.6 kB would be shown as 1000 kB.
  while (power < units.length - 1 && bytes / 1000 ** power >= 999.5) power += 1;
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${units[power]}`;
}
