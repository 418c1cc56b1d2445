/** What all members' keys hash to at one revision. */
import { connectEtcd, EtcdError } from '@etcd-agent/etcd';
import type { AdminCredentials } from '../cluster/probe-members.js';
import type { MemberHash } from './plan/disarm-rules.js';
import type { RoomMember } from './plan/sight.js';

/** It reads all keys of a member. */
const hashMsMax = 60_000;

export async function compareHashes(
  members: readonly RoomMember[],
  revision: string,
  credentials: AdminCredentials,
): Promise<MemberHash[]> {
  return Promise.all(
    members.map(async ({ node, endpoint }) => {
      const admin = await connectEtcd({ endpoint, ...credentials, deadlineMs: hashMsMax });
      try {
        // Newer than the revision asked for: it has applied that far.
        await admin.linearizableRead();
        const { hash, compactRevision } = await admin.hashKV(revision);
        return { node, hash, compactRevision, why: '' };
      } catch (error) {
        if (!(error instanceof EtcdError)) throw error;
        return { node, hash: undefined, compactRevision: undefined, why: error.message };
      } finally {
        admin.close();
      }
    }),
  );
}
