/**
 * A snapshot of an etcd that does not serve: one that was started without a quorum answers no client at all, and is not asked. Its
 * database is copied instead, and sealed as etcd seals what it sends.
 *
 * bbolt never overwrites a page of its last transaction: where the copy began and ended with the same one, it is that transaction.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BoltError, lastTransaction, sumBackend } from '@etcd-agent/etcd';
import { GrowingFile } from '@etcd-agent/platform';
import { Fault, type StoredSnapshot } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import type { SnapshotStore } from './snapshot-store.js';

/** An etcd that was just started writes what its log has left: within seconds, but for very large ones. */
const triesMax = 5;
const againMs = 1_000;
const chunkBytes = 1024 * 1024;

/** Throws a Fault: `busy` while the database goes on changing, `failed` where it is damaged. */
export async function copyDatabase(
  host: Pick<AgentHost, 'files' | 'clock'>,
  store: SnapshotStore,
  dataDir: string,
): Promise<StoredSnapshot> {
  const { files, clock } = host;
  await store.prepare();
  const path = join(dataDir, 'member', 'snap', 'db');
  for (let tries = 0; tries < triesMax; tries += 1) {
    if (tries > 0) await clock.sleep(againMs);
    const growing = await GrowingFile.begin(join(store.incoming, 'database.part'));
    try {
      if (!(await copyOneTransaction(host, path, growing))) continue;
      await growing.settle();
      // Every page of it, before anything rests on it.
      await sumBackend((offset, length) => files.readRange(growing.part, offset, length));
      const { sha256 } = await store.check(growing.part);
      const known = await store.find(sha256);
      if (known !== undefined) return known;
      const name = `database-${sha256.slice(0, 12)}.snapshot.db`;
      return await store.keep(
        growing.part,
        { name, at: clock.now().toISOString(), origin: 'received' },
        sha256,
      );
    } catch (error) {
      if (!(error instanceof BoltError)) throw error;
      throw new Fault('failed', `${path} is damaged: ${error.message}`, 'coordinator recover --from NODE');
    } finally {
      await growing.discard();
    }
  }
  throw new Fault(
    'busy',
    `${path} goes on changing: its etcd is at work`,
    'Wait, then run the same command again.',
  );
}

async function copyOneTransaction(
  { files }: Pick<AgentHost, 'files'>,
  path: string,
  growing: GrowingFile,
): Promise<boolean> {
  const readAt = (offset: number, length: number) => files.readRange(path, offset, length);
  const before = await lastTransaction(readAt);
  const seal = createHash('sha256');
  for (let offset = 0; ; offset += chunkBytes) {
    const chunk = await readAt(offset, chunkBytes);
    seal.update(chunk);
    await growing.append(chunk);
    if (chunk.length < chunkBytes) break;
  }
  await growing.append(seal.digest());
  return before === (await lastTransaction(readAt));
}
