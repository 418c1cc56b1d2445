/** {@link KeyClient} over the etcd3 library. */
import type { Etcd3, IKeyValue } from 'etcd3';
import { type EtcdConnection, openEtcd3 } from './etcd3-client.js';
import { asEtcdError } from './etcd3-errors.js';
import type { KeyClient, KeyFacts, KeyPage, KeyValue } from './key-client.js';
import type { KeyRange } from './key-range.js';

export interface KeyConnection extends EtcdConnection {
  /** Of one answer; a page or a value that is longer is refused before it is in memory: `tooLarge`. */
  readonly answerBytesMax: number;
}

/** As `connectEtcd`. */
export async function connectKeys(connection: KeyConnection): Promise<KeyClient> {
  const client = await openEtcd3(connection, {
    'grpc.max_receive_message_length': connection.answerBytesMax,
  });
  return new Etcd3Keys(connection.endpoint, client);
}

class Etcd3Keys implements KeyClient {
  constructor(
    readonly endpoint: string,
    private readonly client: Etcd3,
  ) {}

  count(range: KeyRange, revision: string): Promise<{ readonly count: number; readonly revision: string }> {
    return this.call(async () => {
      const reply = await this.client.kv.range({ ...bounds(range), revision, count_only: true });
      return { count: Number(reply.count), revision: reply.header.revision };
    });
  }

  page(range: KeyRange, limit: number, revision: string): Promise<KeyPage> {
    return this.call(async () => {
      // Unsorted means in order of the keys. With an order asked for, servers up to 3.4 read everything and cut afterwards.
      const reply = await this.client.kv.range({ ...bounds(range), limit, revision, keys_only: true });
      return {
        keys: reply.kvs.map(factsOf),
        count: Number(reply.count),
        revision: reply.header.revision,
      };
    });
  }

  read(key: Uint8Array): Promise<KeyValue | undefined> {
    return this.call(async () => {
      const reply = await this.client.kv.range({ key: Buffer.from(key) });
      const [found] = reply.kvs;
      if (found === undefined) return undefined;
      return { ...factsOf(found), value: found.value, revision: reply.header.revision };
    });
  }

  deleteRange(range: KeyRange): Promise<{ readonly deleted: number; readonly revision: string }> {
    return this.call(async () => {
      const reply = await this.client.kv.deleteRange(bounds(range));
      return { deleted: Number(reply.deleted), revision: reply.header.revision };
    });
  }

  close(): void {
    this.client.close();
  }

  private call<T>(run: () => Promise<T>): Promise<T> {
    return asEtcdError(this.endpoint, run);
  }
}

/** One zero byte as an end is etcd's word for "to the last key". */
function bounds({ from, end }: KeyRange): { key: Buffer; range_end: Buffer } {
  return { key: Buffer.from(from), range_end: end === 'toLast' ? Buffer.of(0) : Buffer.from(end) };
}

function factsOf(kv: IKeyValue): KeyFacts {
  return {
    key: kv.key,
    createRevision: kv.create_revision,
    modRevision: kv.mod_revision,
    version: kv.version,
    lease: BigInt.asUintN(64, BigInt(kv.lease)).toString(16),
  };
}
