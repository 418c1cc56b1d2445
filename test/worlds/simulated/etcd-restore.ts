/**
 * A snapshot of a simulated etcd, and what etcd's own program makes of one: a data dir with the keys of the snapshot, and a log
 * that knows nothing but the members of the new cluster.
 */
import { bootstrapMemberId, clusterIdOf, type InitialMember } from '@etcd-agent/etcd';
import { newState } from './etcd-apply.js';
import { cloneDisk, type EtcdDisk, type EtcdSnapshot, type LogEntry, type MemberRow } from './etcd-disk.js';

export function snapshotOf(disk: EtcdDisk): EtcdSnapshot {
  return cloneDisk(disk).applied;
}

export interface RestoreInto {
  readonly name: string;
  readonly initialCluster: readonly InitialMember[];
  readonly token: string;
}

export function restoredDisk(snapshot: EtcdSnapshot, { name, initialCluster, token }: RestoreInto): EtcdDisk {
  const members = initialCluster
    .map(
      ({ name, peerURLs }): MemberRow => ({
        id: bootstrapMemberId(peerURLs, token),
        name,
        peerURLs,
        clientURLs: [],
        role: 'voter',
      }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const commands: LogEntry['command'][] = [
    { kind: 'restored', snapshot },
    ...members.map((member) => ({ kind: 'add', member }) as const),
  ];
  const log = commands.map((command, at): LogEntry => ({ term: 1, index: at + 1, command }));
  return {
    clusterId: clusterIdOf(members.map(({ id }) => id)),
    memberId: members.find((member) => member.name === name)!.id,
    log,
    hardState: { term: 1, vote: undefined, commit: log.length },
    applied: newState(),
  };
}
