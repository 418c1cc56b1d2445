/**
 * Who has data of the cluster, how far each goes, and which of them goes furthest.
 *
 * What counts is how far a survivor knows its log to be committed: so much of it is saved and restored. Committed logs are
 * beginnings of one another, so that whoever knows the most has all that any other survivor would bring.
 */
import { comparePositions, isBehind, type WalPosition } from '@etcd-agent/etcd';
import type { DiskReport, ReportedMember } from '@etcd-agent/protocol';
import type { NodeSeen, Situation } from './situation.js';

export interface Survivor {
  readonly node: string;
  readonly memberId: string;
  /**
   * `runs`: its etcd answers. Of the others the files were read. `silent`: it runs, and serves nobody, as one does that was
   * started without a quorum; it has written to its database what it knows to be committed.
   */
  readonly etcd: 'runs' | 'silent' | 'stopped';
  /** The store's revision; of one that does not answer, what its database has, to which its log may add. */
  readonly revision: string;
  /** How far it knows its log to be committed. */
  readonly committed: string;
  /** The end of its log. */
  readonly lastTerm: string;
  readonly lastIndex: string;
  /** When its log was last written to; undefined where that could not be read. */
  readonly changedAt: string | undefined;
  readonly members: readonly ReportedMember[];
  /** The agent that remembers more of this member than it has: its disk is an older one. */
  readonly behind: { readonly by: string; readonly index: string } | undefined;
  readonly report: DiskReport;
}

/** The furthest one first. */
export function survivorsOf({ cluster, nodes }: Situation): Survivor[] {
  const found = nodes.flatMap((node) => {
    const survivor = node.kind === 'reported' ? survivorIn(node.report, cluster.clusterId, nodes) : undefined;
    return survivor === undefined ? [] : [survivor];
  });
  found.sort(furtherFirst);
  const members = found[0]?.members ?? [];
  // Data of a member that was removed since is not of the cluster any more.
  return found.filter(({ memberId }) => members.some(({ id }) => id === memberId));
}

/** Why a node that was reached has nothing to offer. */
export function whyNothing(report: DiskReport, clusterId: string): string {
  const { data, etcd } = report;
  if (etcd.kind === 'answers' && etcd.clusterId !== clusterId)
    return `its etcd is of another cluster (${etcd.clusterId})`;
  switch (data.kind) {
    case 'none':
    case 'unknown':
      return data.why;
    case 'wal':
      if (data.clusterId !== clusterId) return `its data is of another cluster (${data.clusterId})`;
      if (data.end.kind === 'unreadable') return `its log cannot be read: ${data.end.why}`;
      if (data.database.kind === 'notRead' && etcd.kind !== 'answers')
        return `its database cannot be read: ${data.database.why}`;
      return `its member ${data.memberId} was removed from the cluster`;
  }
}

function survivorIn(report: DiskReport, clusterId: string, nodes: readonly NodeSeen[]): Survivor | undefined {
  const { node, etcd, data } = report;
  const end =
    data.kind === 'wal' && data.clusterId === clusterId && data.end.kind === 'read' ? data.end : undefined;
  if (etcd.kind === 'answers') {
    if (etcd.clusterId !== clusterId) return undefined;
    const wal = end ?? {
      term: etcd.term,
      commit: etcd.appliedIndex,
      lastTerm: etcd.term,
      lastIndex: etcd.appliedIndex,
    };
    return {
      node,
      memberId: etcd.memberId,
      etcd: 'runs',
      revision: etcd.revision,
      committed: etcd.appliedIndex,
      lastTerm: wal.lastTerm,
      lastIndex: highest(wal.lastIndex, etcd.appliedIndex),
      changedAt: end?.changedAt,
      members: etcd.members,
      behind: behindOf(etcd.memberId, wal, nodes),
      report,
    };
  }
  if (data.kind !== 'wal' || end === undefined) return undefined;
  const { database, memberId } = data;
  if (database.kind === 'notRead') return undefined;
  return {
    node,
    memberId,
    etcd: etcd.kind === 'silent' ? 'silent' : 'stopped',
    revision: database.revision,
    committed: highest(end.commit, database.consistentIndex),
    lastTerm: end.lastTerm,
    lastIndex: end.lastIndex,
    changedAt: end.changedAt,
    members: database.members,
    behind: behindOf(memberId, end, nodes),
    report,
  };
}

function behindOf(memberId: string, wal: WalPosition, nodes: readonly NodeSeen[]): Survivor['behind'] {
  for (const seen of nodes) {
    if (seen.kind !== 'reported') continue;
    const known = seen.report.remembered.find((each) => each.memberId === memberId);
    if (known !== undefined && isBehind(wal, known)) return { by: seen.name, index: known.index };
  }
  return undefined;
}

function furtherFirst(a: Survivor, b: Survivor): number {
  const byCommitted = compareNumbers(b.committed, a.committed);
  if (byCommitted !== 0) return byCommitted;
  const byLog = comparePositions(logEnd(b), logEnd(a));
  if (byLog !== 0) return byLog;
  const byRevision = compareNumbers(b.revision, a.revision);
  if (byRevision !== 0) return byRevision;
  // One that runs has nothing to be started for.
  return readiness.indexOf(a.etcd) - readiness.indexOf(b.etcd) || (a.node < b.node ? -1 : 1);
}

/** What takes the least to be saved comes first. */
const readiness: readonly Survivor['etcd'][] = ['runs', 'silent', 'stopped'];

/** Why the first is recommended over the second, in words. */
export function reasonFor(first: Survivor, second: Survivor | undefined): string {
  if (second === undefined) return 'it is the only one that has data';
  if (first.committed !== second.committed)
    return `it knows of more committed entries than any other (${first.committed}, ${second.node} ${second.committed}), and so has all that they have`;
  if (comparePositions(logEnd(first), logEnd(second)) !== 0)
    return `all know of as many committed entries, and its log goes on furthest (${first.lastIndex} of term ${first.lastTerm})`;
  if (first.revision !== second.revision)
    return `all know of as many committed entries, and its revision is the highest`;
  if (first.etcd !== second.etcd)
    return `it has as much as any other, and its etcd ${first.etcd === 'runs' ? 'answers' : 'runs'}`;
  return 'it has as much as any other';
}

function logEnd({ lastTerm: term, lastIndex: index }: Survivor) {
  return { term, index };
}

export function compareNumbers(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

function highest(a: string, b: string): string {
  return compareNumbers(a, b) >= 0 ? a : b;
}
