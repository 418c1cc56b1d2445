/** The revision that the store has now, by a linearizable read. */
import { connectKeys } from '@etcd-agent/etcd';
import type { AdminCredentials } from '../cluster/probe-members.js';

const callMsMax = 10_000;

export async function newestRevision(endpoint: string, credentials: AdminCredentials): Promise<bigint> {
  const keys = await connectKeys({
    endpoint,
    ...credentials,
    deadlineMs: callMsMax,
    answerBytesMax: 64 * 1024,
  });
  try {
    // A range that holds nothing: only its answer's revision is wanted.
    const { revision } = await keys.count({ from: Buffer.of(0), end: Buffer.of(0, 0) }, '0');
    return BigInt(revision);
  } finally {
    keys.close();
  }
}
