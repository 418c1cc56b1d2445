/** {@link RoomClient} over the etcd3 library. */
import type { Etcd3 } from 'etcd3';
import { type EtcdConnection, openEtcd3 } from './etcd3-client.js';
import { asEtcdError } from './etcd3-errors.js';
import type { DatabaseSizes, RoomClient } from './room-client.js';

/** As `connectEtcd`. */
export async function connectRoom(connection: EtcdConnection): Promise<RoomClient> {
  return new Etcd3Room(connection.endpoint, await openEtcd3(connection));
}

class Etcd3Room implements RoomClient {
  constructor(
    readonly endpoint: string,
    private readonly client: Etcd3,
  ) {}

  sizes(): Promise<DatabaseSizes> {
    return this.call(async () => {
      const reply = await this.client.maintenance.status();
      // In the library's .proto, though not in its types. A database in use is never empty: zero is "not told".
      const used = Number((reply as { dbSizeInUse?: string }).dbSizeInUse ?? 0);
      return { fileBytes: Number(reply.dbSize), usedBytes: used === 0 ? undefined : used };
    });
  }

  compact(revision: string, deadlineMs: number): Promise<void> {
    return this.call(async () => {
      await this.client.kv.compact({ revision, physical: true }, { deadline: Date.now() + deadlineMs });
    });
  }

  defragment(deadlineMs: number): Promise<void> {
    return this.call(async () => {
      await this.client.maintenance.defragment({ deadline: Date.now() + deadlineMs });
    });
  }

  close(): void {
    this.client.close();
  }

  private call<T>(run: () => Promise<T>): Promise<T> {
    return asEtcdError(this.endpoint, run);
  }
}
