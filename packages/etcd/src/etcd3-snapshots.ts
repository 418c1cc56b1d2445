/**
 * {@link SnapshotClient} over the etcd3 library. Its own `snapshot()` sends the call's metadata in the place of the request,
 * so that a token never arrives; this makes the call itself.
 */
import type { Etcd3 } from 'etcd3';
import { EtcdError } from './admin.js';
import { type EtcdConnection, openEtcd3 } from './etcd3-client.js';
import { toEtcdError } from './etcd3-errors.js';
import type { SnapshotChunk, SnapshotClient } from './snapshot-client.js';

/** As `connectEtcd`; the connection's deadline is not for the snapshot, which takes as long as it takes. */
export async function connectSnapshots(connection: EtcdConnection): Promise<SnapshotClient> {
  const { endpoint } = connection;
  const client = await openEtcd3(connection);
  return {
    endpoint,
    snapshot: (stallMs, signal) => snapshotOf(client, endpoint, stallMs, signal),
    async countKeys(revision) {
      try {
        const reply = await client.kv.range({
          key: everyKey,
          range_end: everyKey,
          revision,
          count_only: true,
          serializable: true,
        });
        return Number(reply.count);
      } catch (error) {
        throw toEtcdError(endpoint, error);
      }
    },
    close: () => client.close(),
  };
}

/** From the lowest key to the end of all. */
const everyKey = Buffer.of(0);

/** What grpc-js returns for a call that streams: a readable of messages that can be ended from this side. */
interface Messages extends AsyncIterable<{ readonly blob: Buffer; readonly remaining_bytes: string }> {
  cancel(): void;
}

async function* snapshotOf(
  client: Etcd3,
  endpoint: string,
  stallMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<SnapshotChunk> {
  let stalled = false;
  let messages: Messages | undefined;
  const watch = () =>
    setTimeout(() => {
      stalled = true;
      messages?.cancel();
    }, stallMs);
  let watching = watch();
  const abort = () => messages?.cancel();
  signal?.addEventListener('abort', abort);
  try {
    messages = await openStream(client);
    if (signal?.aborted === true) messages.cancel();
    for await (const { blob, remaining_bytes } of messages) {
      clearTimeout(watching);
      // However long whoever asks takes with this piece.
      yield { bytes: blob, remainingBytes: Number(remaining_bytes) };
      watching = watch();
    }
  } catch (error) {
    if (stalled) throw new EtcdError('deadline', endpoint, `nothing came for ${stallMs} ms`, error);
    throw toEtcdError(endpoint, error);
  } finally {
    clearTimeout(watching);
    signal?.removeEventListener('abort', abort);
    messages?.cancel();
  }
}

/** The library's pool makes the client of the service; only the call itself is ours. */
function openStream({ maintenance }: Etcd3): Promise<Messages> {
  type Stub = { snapshot(request: object, metadata: unknown, options: object): Messages };
  type Pool = {
    withConnection<T>(
      service: 'Maintenance',
      act: (call: { client: Stub; metadata: unknown }) => T,
    ): Promise<T>;
  };
  const { client: pool } = maintenance as unknown as { readonly client: Pool };
  return pool.withConnection('Maintenance', ({ client, metadata }) => client.snapshot({}, metadata, {}));
}
