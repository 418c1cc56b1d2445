/**
 * What one simulated member does with a client's call. A call that is never answered is one whose outcome nobody knows.
 */
import { createHash } from 'node:crypto';
import {
  type Alarm,
  type KeyHash,
  type Member,
  type MemberId,
  type MemberStatus,
  memberId,
} from '@etcd-agent/etcd';
import { type Outcome, type Refusal, refused } from './etcd-apply.js';
import type { AlarmType, Command, MemberRow } from './etcd-disk.js';
import type { SimEtcd } from './etcd-process.js';
import { type Judge, mayAdd, mayPromote, mayRemove } from './etcd-rules.js';

export type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** One call, carried out by a server that runs; `answer` is called once, or never. Nobody waits after `untilMs`. */
export type Call<T> = (server: SimEtcd, answer: (answer: Answer<T>) => void, untilMs: number) => void;

export const status: Call<MemberStatus> = (server, answer) => {
  const raft = server.raft!;
  const { applied, clusterId, hardState } = raft.disk;
  answer({
    kind: 'value',
    value: {
      version: server.world.rules.version,
      memberId: raft.id,
      clusterId,
      leader: raft.leader ?? 'none',
      dbSizeBytes: 20_480 + 64 * applied.revision,
      raftIndex: String(hardState.commit),
      raftTerm: String(raft.term),
      raftAppliedIndex: server.world.rules.learners ? String(applied.index) : '0',
      revision: String(applied.revision),
      errors: server.world.rules.learners
        ? applied.alarms.map(({ memberId, type }) => `memberID:${BigInt(`0x${memberId}`)} alarm:${type} `)
        : [],
      isLearner: isLearner(server),
    },
  });
};

export function memberList(linearizable: boolean): Call<Member[]> {
  return forVoters((server, answer, untilMs) => {
    const tell = () => answer({ kind: 'value', value: listOf(server) });
    if (linearizable) read(server, untilMs, answer, tell);
    else tell();
  });
}

export function get(key: string): Call<{ kind: 'found'; value: string } | { kind: 'absent' }> {
  return forVoters((server, answer, untilMs) =>
    read(server, untilMs, answer, () => {
      const found = server.disk!.applied.store.get(key);
      answer({
        kind: 'value',
        value: found === undefined ? { kind: 'absent' } : { kind: 'found', value: found.value },
      });
    }),
  );
}

/** Puts a command through raft; `valueFrom` makes the answer once the asked member has applied it. */
export function propose<T>(command: Command, valueFrom: (outcome: Outcome, server: SimEtcd) => T): Call<T> {
  return forVoters((server, answer, untilMs) =>
    server.propose(command, untilMs, (outcome) => {
      if (outcome.kind === 'refused') answer(outcome);
      else answer({ kind: 'value', value: valueFrom(outcome, server) });
    }),
  );
}

export function disarm({ memberId: id, type }: Alarm): Call<void> {
  return propose({ kind: 'alarm', on: false, memberId: id, type: type as AlarmType }, () => undefined);
}

export function lock(
  key: string,
  owner: string,
  ttlSeconds: number,
): Call<{ readonly lease: string; readonly taken: Outcome }> {
  return (server, answer, untilMs) => {
    const lease = server.world.newRequest();
    const leastMs = Math.ceil((1.5 * server.conf.electionTimeout) / 1_000) * 1_000;
    const ttlMs = Math.max(ttlSeconds * 1_000, leastMs);
    const command = { kind: 'lock', key, owner, lease, ttlMs } as const;
    propose(command, (taken) => ({ lease, taken }))(server, answer, untilMs);
  };
}

export function memberAdd(
  peerURLs: readonly string[],
  role: Member['role'],
): Call<{ id: MemberId; members: readonly Member[] }> {
  return forVoters((server, answer, untilMs) => {
    const { rules, clock, chance } = server.world;
    if (role === 'learner' && !rules.learners) {
      answer(refused('other', `etcd ${rules.version} has no learners: nothing was added`));
      return;
    }
    const refusal = mayAdd(judgeOf(server), role, rules);
    if (refusal !== undefined) {
      answer({ kind: 'refused', refusal });
      return;
    }
    const digest = createHash('sha1').update(`${peerURLs.join()} ${clock.nowMs} ${chance.hex(8)}`);
    const id = memberId(digest.digest('hex').slice(0, 16));
    const member: MemberRow = { id, name: '', peerURLs, clientURLs: [], role };
    propose({ kind: 'add', member }, () => ({ id, members: listOf(server) }))(server, answer, untilMs);
  });
}

export function memberRemove(id: MemberId): Call<void> {
  return forVoters((server, answer, untilMs) => {
    const refusal = mayRemove(judgeOf(server), id);
    if (refusal !== undefined) answer({ kind: 'refused', refusal });
    else propose({ kind: 'remove', memberId: id }, () => undefined)(server, answer, untilMs);
  });
}

/** Only the leader knows how far a learner is: it is asked, by the member that the client asked. */
export function memberPromote(id: MemberId): Call<void> {
  return forVoters((server, answer, untilMs) => {
    const raft = server.raft!;
    if (!server.world.rules.learners) {
      answer(refused('other', 'unknown method MemberPromote'));
      return;
    }
    if (raft.role === 'leader') {
      promoteAsLeader(server, id, untilMs, answer);
      return;
    }
    const leader = raft.leader === undefined ? undefined : server.world.memberProcess(server, raft.leader);
    if (leader === undefined) return;
    const { network, clock } = server.world;
    if (!network.reachBothWays(server.node, leader.node)) return;
    clock.quietlyAfter(network.delayMs(server.node, leader.node), () =>
      leader.whenActive(() => {
        if (leader.raft?.role !== 'leader') return;
        promoteAsLeader(leader, id, untilMs, (outcome) => {
          if (!network.reach(leader.node, server.node)) return;
          clock.quietlyAfter(network.delayMs(leader.node, server.node), () =>
            server.whenActive(() => answer(outcome)),
          );
        });
      }),
    );
  });
}

/** How often the old leader looks whether the other one leads. */
const handOverLookMs = 10;

export function moveLeader(to: MemberId): Call<void> {
  return forVoters((server, answer, untilMs) => {
    const raft = server.raft!;
    if (raft.role !== 'leader') {
      answer(refused('notLeader', 'not leader'));
      return;
    }
    const isVoter = raft.members.some(({ id, role }) => id === to && role === 'voter');
    if (!isVoter && server.world.rules.learners) {
      answer(refused('notFound', 'bad leader transferee'));
      return;
    }
    if (to !== raft.id) raft.transferTo(to);
    const look = () => {
      if (!server.running || server.world.clock.nowMs > untilMs) return;
      if (raft.leader === to) answer({ kind: 'value', value: undefined });
      else server.world.clock.quietlyAfter(handOverLookMs, look);
    };
    look();
  });
}

export function hashKV(revision: string): Call<KeyHash> {
  return forVoters((server, answer) => {
    const { applied } = server.disk!;
    const wanted = revision === '0' ? applied.revision : Number(revision);
    if (wanted > applied.revision) {
      answer(refused('futureRevision', 'mvcc: required revision is a future revision'));
      return;
    }
    const hash = applied.hashes[wanted]!;
    answer({ kind: 'value', value: { hash, revision: String(wanted), compactRevision: '-1' } });
  });
}

function promoteAsLeader(
  leader: SimEtcd,
  id: MemberId,
  untilMs: number,
  answer: (answer: Answer<void>) => void,
): void {
  const raft = leader.raft!;
  const refusal = mayPromote(judgeOf(leader), id, (each) => raft.progress.get(each)?.match);
  if (refusal !== undefined) answer({ kind: 'refused', refusal });
  else propose({ kind: 'promote', memberId: id }, () => undefined)(leader, answer, untilMs);
}

/** A learner serves its status and nothing else that is asked for here. */
function forVoters<T>(call: Call<T>): Call<T> {
  return (server, answer, untilMs) => {
    if (isLearner(server)) answer(refused('learner', 'rpc not supported for learner'));
    else call(server, answer, untilMs);
  };
}

function isLearner(server: SimEtcd): boolean {
  return server.members.some(({ id, role }) => id === server.disk?.memberId && role === 'learner');
}

function read<T>(
  server: SimEtcd,
  untilMs: number,
  answer: (answer: Answer<T>) => void,
  then: () => void,
): void {
  server.readIndex(untilMs, (outcome) => {
    if (outcome === 'read') then();
    else answer(refused('noLeader', 'leader changed'));
  });
}

function listOf(server: SimEtcd): Member[] {
  return server.members.map((row) => ({ ...row, started: row.name !== '' }));
}

function judgeOf(server: SimEtcd): Judge {
  return {
    self: server.disk!.memberId,
    members: server.members,
    nowMs: server.world.clock.nowMs,
    connectedSinceMs: (id) => server.links.get(id)?.sinceMs,
  };
}
