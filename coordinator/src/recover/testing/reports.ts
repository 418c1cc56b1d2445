/** Only for tests: what nodes of a cluster may say of their disks. */
import type { DiskReport } from '@etcd-agent/protocol';
import type { NodeSeen, Situation } from '../plan/situation.js';

const clusterId = 'c000000000000001';
export const instant = '2026-01-31T10:00:00.000Z';

export function memberIdOf(at: number): string {
  return `a00000000000000${at}`;
}

export interface Disk {
  readonly etcd?: 'runs' | 'stopped';
  readonly healthy?: boolean;
  /** Entries that it knows to be committed; its log has `more` beyond. */
  readonly committed?: number;
  readonly more?: number;
  readonly term?: number;
  /** "member:index" as its agent remembers them, in the term of this disk. */
  readonly remembers?: Readonly<Record<number, number>>;
  readonly servedIndex?: number;
  readonly paused?: boolean;
  readonly service?: DiskReport['service']['kind'];
}

/** A node of a cluster of `voters` that was reached. */
export function node(at: number, voters: number, disk: Disk | 'wiped'): NodeSeen {
  const name = `etcd${at}`;
  return { name, kind: 'reported', report: report(at, voters, disk) };
}

export function silentNode(at: number, etcdAnswers = false): NodeSeen {
  return {
    name: `etcd${at}`,
    kind: 'silent',
    why: `etcd${at} (10.0.0.1${at}:2400) does not answer`,
    etcdAnswers,
  };
}

export function situation(nodes: readonly NodeSeen[], more: Partial<Situation> = {}): Situation {
  return { cluster: { name: 'prod', clusterId }, nodes, reads: [], givenUp: [], from: undefined, ...more };
}

function report(at: number, voters: number, disk: Disk | 'wiped'): DiskReport {
  const members = Array.from({ length: voters }, (_, index) => ({
    id: memberIdOf(index),
    name: `etcd${index}`,
    peerURLs: [`https://10.0.0.1${index}:2380`],
    role: 'voter' as const,
  }));
  const base = {
    node: `etcd${at}`,
    observedAt: instant,
    spec: {
      kind: 'present' as const,
      generation: 3,
      bootstrapId: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11',
      clusterId,
      memberId: memberIdOf(at),
    },
    dataDir: '/var/lib/etcd',
    quarantines: [],
  };
  if (disk === 'wiped')
    return {
      ...base,
      service: { kind: 'conditionFailed' },
      etcd: { kind: 'notRunning' },
      data: { kind: 'none', why: 'there is no WAL in /var/lib/etcd' },
      remembered: [],
      served: null,
      paused: false,
    };
  const { etcd = 'runs', committed = 100, more = 0, term = 2 } = disk;
  const entry = { term: String(term), commit: String(committed), lastTerm: String(term) };
  return {
    ...base,
    service: { kind: disk.service ?? (etcd === 'runs' ? 'active' : 'inactive') },
    etcd:
      etcd === 'stopped'
        ? { kind: 'notRunning' }
        : {
            kind: 'answers',
            version: '3.5.30',
            clusterId,
            memberId: memberIdOf(at),
            healthy: disk.healthy === true,
            isLearner: false,
            revision: String(committed - 10),
            appliedIndex: String(committed),
            term: String(term),
            members,
          },
    data: {
      kind: 'wal',
      clusterId,
      memberId: memberIdOf(at),
      end: { kind: 'read', torn: false, ...entry, lastIndex: String(committed + more), changedAt: instant },
      database:
        etcd === 'runs'
          ? { kind: 'notRead', why: 'etcd has it open' }
          : {
              kind: 'read',
              bytes: 20_480,
              revision: String(committed - 12),
              consistentIndex: String(committed - 2),
              members,
            },
    },
    remembered: Object.entries(disk.remembers ?? {}).map(([whose, index]) => ({
      memberId: memberIdOf(Number(whose)),
      term: String(term),
      index: String(index),
    })),
    served:
      disk.servedIndex === undefined
        ? null
        : { memberId: memberIdOf(at), at: instant, index: String(disk.servedIndex) },
    paused: disk.paused === true,
  };
}
