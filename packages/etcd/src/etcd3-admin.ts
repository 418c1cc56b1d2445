/**
 * {@link EtcdAdmin} over the etcd3 library, which hands out ids and enums as text: all of that is dealt with here. How the
 * library is opened, so that it does nothing behind the caller's back, is in etcd3-client.ts.
 */
import type { Etcd3, IHashKVResponse, IMember } from 'etcd3';
import type { Alarm, EtcdAdmin, KeyHash, LockOutcome, Member, MemberStatus } from './admin.js';
import { EtcdError } from './admin.js';
import { type EtcdConnection, openEtcd3 } from './etcd3-client.js';
import { asEtcdError, toEtcdError } from './etcd3-errors.js';
import { clusterIdFromUint64, type MemberId, memberIdFromUint64, uint64Of } from './ids.js';
import { featuresOf, parseEtcdVersion } from './versions.js';

/**
 * A client of the etcd at `endpoint`. Nothing is dialled until the first call. Throws RangeError for an endpoint that
 * is not https or a deadline that is not positive, and EtcdError of kind `tls` for PEM that cannot be used.
 */
export async function connectEtcd(connection: EtcdConnection): Promise<EtcdAdmin> {
  return new Etcd3Admin(connection.endpoint, await openEtcd3(connection));
}

class Etcd3Admin implements EtcdAdmin {
  constructor(
    readonly endpoint: string,
    private readonly client: Etcd3,
  ) {}

  status(): Promise<MemberStatus> {
    return this.call(async () => {
      const reply = await this.client.maintenance.status();
      return {
        version: reply.version,
        memberId: memberIdFromUint64(reply.header.member_id),
        clusterId: clusterIdFromUint64(reply.header.cluster_id),
        leader: reply.leader === '0' ? 'none' : memberIdFromUint64(reply.leader),
        dbSizeBytes: Number(reply.dbSize),
        raftIndex: reply.raftIndex,
        raftTerm: reply.raftTerm,
        raftAppliedIndex: (reply as { raftAppliedIndex?: string }).raftAppliedIndex ?? '0',
        revision: reply.header.revision,
        errors: (reply as { errors?: string[] }).errors ?? [],
        // In the library's .proto, though not in its types.
        isLearner: (reply as { isLearner?: boolean }).isLearner === true,
      };
    });
  }

  memberList({ linearizable }: { readonly linearizable: boolean }): Promise<Member[]> {
    return this.call(async () => {
      // Up to 3.4 the flag is ignored and the answer is what this member has applied; a linearizable read just before
      // makes it apply everything that was committed by then, so the list is as new as the call on every version.
      if (linearizable) await this.readLinearizably(healthKey);
      const reply = await this.client.cluster.memberList({ linearizable });
      return reply.members.map(memberOf);
    });
  }

  memberAdd(
    peerURLs: readonly string[],
    role: Member['role'],
  ): Promise<{ readonly id: MemberId; readonly members: readonly Member[] }> {
    return this.call(async () => {
      if (role === 'learner') await this.assertKnowsLearners();
      const request = { peerURLs: [...peerURLs], isLearner: role === 'learner' };
      const reply = await this.client.cluster.memberAdd(request);
      return { id: memberIdFromUint64(reply.member.ID), members: reply.members.map(memberOf) };
    });
  }

  memberRemove(id: MemberId): Promise<void> {
    return this.call(async () => {
      await this.client.cluster.memberRemove({ ID: uint64Of(id) });
    });
  }

  memberPromote(id: MemberId): Promise<void> {
    return this.call(async () => {
      await this.client.cluster.memberPromote({ ID: uint64Of(id) });
    });
  }

  moveLeader(to: MemberId): Promise<void> {
    return this.call(async () => {
      await this.client.maintenance.moveLeader({ targetID: uint64Of(to) });
    });
  }

  hashKV(revision: string): Promise<KeyHash> {
    return this.call(async () => {
      const reply = await hashKvOf(this.client)({ revision });
      return {
        hash: Number(reply.hash),
        // The header's is the member's newest, whatever revision was asked for.
        revision: revision === '0' ? reply.header.revision : revision,
        compactRevision: reply.compact_revision,
      };
    });
  }

  put(key: string, value: string): Promise<void> {
    return this.call(async () => {
      await this.client.put(key).value(value).exec();
    });
  }

  get(key: string): ReturnType<EtcdAdmin['get']> {
    return this.call(async () => {
      const value = await this.client.get(key).string();
      return value === null ? { kind: 'absent' } : { kind: 'found', value };
    });
  }

  delete(key: string): Promise<{ readonly deleted: number }> {
    return this.call(async () => {
      const reply = await this.client.delete().key(key).exec();
      return { deleted: Number(reply.deleted) };
    });
  }

  linearizableRead(): Promise<{ readonly tookMs: number }> {
    return this.call(async () => {
      const started = performance.now();
      await this.readLinearizably(healthKey);
      return { tookMs: performance.now() - started };
    });
  }

  alarms(): Promise<Alarm[]> {
    return this.call(async () => {
      // Get and None are the request's zero values.
      const reply = await this.client.maintenance.alarm({});
      return reply.alarms.map((each) => ({
        memberId: memberIdFromUint64(each.memberID),
        type: String(each.alarm).toUpperCase(),
      }));
    });
  }

  disarm(alarm: Alarm): Promise<void> {
    return this.call(async () => {
      await this.client.maintenance.alarm({
        action: 'Deactivate',
        memberID: uint64Of(alarm.memberId),
        alarm: alarm.type === 'CORRUPT' ? 'Corrupt' : 'Nospace',
      } as never);
    });
  }

  lock(key: string, owner: string, ttlSeconds: number): Promise<LockOutcome> {
    return this.call(async () => {
      const { ID } = await this.client.leaseClient.leaseGrant({ TTL: ttlSeconds });
      const taken = await this.client
        .if(key, 'Create', '==', 0)
        .then(this.client.put(key).value(owner).lease(ID))
        .else(this.client.get(key))
        .commit();
      if (taken.succeeded) return { kind: 'held', release: () => this.call(() => this.revoke(ID)) };
      await this.revoke(ID);
      // The comparison and the read are one transaction, so that there is a holder whenever the comparison fails.
      return { kind: 'busy', owner: String(taken.responses[0]?.response_range.kvs[0]?.value) };
    });
  }

  close(): void {
    this.client.close();
  }

  /** Being refused the key is as good as reading it: etcd confirms its leadership before it looks at permissions. */
  private async readLinearizably(key: string): Promise<void> {
    try {
      await this.client.get(key).exec();
    } catch (error) {
      if (!/etcdserver: permission denied/.test(String(error))) throw error;
    }
  }

  /** Ends a lease and deletes its keys. One that has expired meanwhile is as good. */
  private async revoke(lease: string): Promise<void> {
    try {
      await this.client.leaseClient.leaseRevoke({ ID: lease });
    } catch (error) {
      if (!/etcdserver: requested lease not found/.test(String(error))) throw error;
    }
  }

  /** A server older than 3.4 skips the field that says "learner" and adds a voter. */
  private async assertKnowsLearners(): Promise<void> {
    const { version } = await this.client.maintenance.status().catch((error: unknown) => {
      // Only servers that have had learners for long refuse to say; see EtcdAdmin.status.
      if (toEtcdError(this.endpoint, error).kind === 'permissionDenied') return { version: '3.5.0' };
      throw error;
    });
    const parsed = parseEtcdVersion(version);
    if (parsed !== undefined && featuresOf(parsed).learners) return;
    throw new EtcdError('other', this.endpoint, `etcd ${version} has no learners: nothing was added`);
  }

  private call<T>(run: () => Promise<T>): Promise<T> {
    return asEtcdError(this.endpoint, run);
  }
}

/**
 * The library's own `hashKV` calls a method that its gRPC client does not have: the name is "hashKv" there. This goes
 * the same way with the right name.
 */
function hashKvOf(client: Etcd3): (request: { revision: string }) => Promise<IHashKVResponse> {
  const { client: pool } = client.maintenance as unknown as {
    readonly client: { exec(service: 'Maintenance', method: 'hashKv', request: object): Promise<unknown> };
  };
  return async (request) => (await pool.exec('Maintenance', 'hashKv', request)) as IHashKVResponse;
}

function memberOf(row: IMember): Member {
  return {
    id: memberIdFromUint64(row.ID),
    name: row.name,
    peerURLs: row.peerURLs,
    clientURLs: row.clientURLs,
    role: row.isLearner ? 'learner' : 'voter',
    started: row.name !== '',
  };
}

/** The key that `etcdctl endpoint health` reads. It need not exist. */
const healthKey = 'health';
