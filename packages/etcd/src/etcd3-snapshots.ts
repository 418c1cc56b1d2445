/**
 * {@link SnapshotClient}: keys are counted over the etcd3 library; the snapshot itself is read off the wire, since the library takes
 * twice the CPU of etcdctl for it and sends no token.
 */
import { EtcdError } from './admin.js';
import { type EtcdConnection, openEtcd3 } from './etcd3-client.js';
import { asEtcdError, toEtcdError } from './etcd3-errors.js';
import type { OpenStream, SnapshotChunk, SnapshotClient } from './snapshot-client.js';
import { FieldReader } from './wal-record.js';

/** As `connectEtcd`; the connection's deadline is not for the snapshot, which takes as long as it takes. */
export async function connectSnapshots(
  connection: EtcdConnection,
  openStream: OpenStream,
): Promise<SnapshotClient> {
  const { endpoint } = connection;
  const client = await openEtcd3(connection);
  return {
    endpoint,
    snapshot: (stallMs, signal) => snapshotOf(connection, openStream, stallMs, signal),
    countKeys: (revision) =>
      asEtcdError(endpoint, async () => {
        const reply = await client.kv.range({
          key: everyKey,
          range_end: everyKey,
          revision,
          count_only: true,
          serializable: true,
        });
        return Number(reply.count);
      }),
    close: () => client.close(),
  };
}

/** From the lowest key to the end of all. */
const everyKey = Buffer.of(0);

async function* snapshotOf(
  { endpoint, ca, cert, key }: EtcdConnection,
  openStream: OpenStream,
  stallMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<SnapshotChunk> {
  const stalled = new AbortController();
  const watch = () => setTimeout(() => stalled.abort(), stallMs);
  let watching = watch();
  const call = { endpoint, ca, cert, key, path: '/etcdserverpb.Maintenance/Snapshot', request: noFields };
  const ends = signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal]);
  try {
    for await (const messages of openStream(call, ends)) {
      clearTimeout(watching);
      const replies = messages.map(replyIn);
      // However long whoever asks takes with them.
      yield {
        pieces: replies.map(({ bytes }) => bytes),
        remainingBytes: replies.at(-1)!.remainingBytes,
      };
      watching = watch();
    }
  } catch (error) {
    if (stalled.signal.aborted)
      throw new EtcdError('deadline', endpoint, `nothing came for ${stallMs} ms`, error);
    throw toEtcdError(endpoint, error);
  } finally {
    clearTimeout(watching);
  }
}

const noFields = new Uint8Array(0);

/** SnapshotResponse: remaining_bytes is field 2, blob field 3. */
function replyIn(message: Uint8Array): { bytes: Uint8Array; remainingBytes: number } {
  let bytes: Uint8Array = noFields;
  let remainingBytes = 0;
  for (const fields = new FieldReader(message); fields.next(); ) {
    if (fields.field === 2) remainingBytes = Number(fields.uint64());
    else if (fields.field === 3) bytes = fields.bytes();
  }
  return { bytes, remainingBytes };
}
