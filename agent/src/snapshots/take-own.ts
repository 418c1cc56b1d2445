/**
 * A snapshot of this node's own member, taken by its agent. It counts once a trial restore has succeeded; one that a cluster
 * would not come back from is removed, and what was found wrong with it is told.
 */
import { join } from 'node:path';
import { BoltError, connectSnapshots, readBackend } from '@etcd-agent/etcd';
import { GrowingFile, grpcStream } from '@etcd-agent/platform';
import { Fault, type MemberSpec, type StoredSnapshot } from '@etcd-agent/protocol';
import type { AgentHost } from '../host.js';
import { clientCredentials } from '../node-keys.js';
import { assertReady } from './ready.js';
import type { SnapshotStore } from './snapshot-store.js';
import { trialRestore } from './trial-restore.js';

const stallMsMax = 30_000;
const callMsMax = 10_000;

/** Throws a Fault, a FileError or an EtcdError, with nothing left of it. */
export async function takeOwn(
  host: AgentHost,
  store: SnapshotStore,
  spec: MemberSpec,
): Promise<StoredSnapshot> {
  const { files, clock } = host;
  await assertReady(host, store.directory);
  await store.prepare();
  const at = clock.now().toISOString();
  const part = join(store.incoming, 'own.part');
  try {
    await stream(host, spec, part);
    const revision = await revisionOf(host, part);
    const time = at.replace(/[-:]|\.\d+/g, '');
    const name = `${spec.cluster.name}-${time}-rev${revision}.snapshot.db`;
    const kept = await store.keep(part, { name, at, origin: 'scheduled' });
    try {
      if (kept.seal !== 'right')
        throw new Fault('failed', `what etcd sent (${kept.bytes} bytes) has no seal`);
      const trial = { file: store.pathOf(kept), seal: kept.seal, directory: store.trials };
      const content = await trialRestore(host, trial);
      return await store.noteVerified(kept, content, clock.now().toISOString());
    } catch (error) {
      await store.remove(kept);
      throw error;
    }
  } finally {
    await files.remove(part).catch(() => {});
  }
}

async function stream(host: AgentHost, spec: MemberSpec, part: string): Promise<void> {
  const credentials = await clientCredentials(host);
  if (credentials === undefined) throw new Fault('failed', 'this node has no etcd certificate');
  const endpoint = spec.etcd.advertiseClientURLs[0]!;
  const client = await connectSnapshots({ endpoint, ...credentials, deadlineMs: callMsMax }, grpcStream);
  const file = await GrowingFile.begin(part);
  try {
    for await (const { pieces } of client.snapshot(stallMsMax))
      for (const piece of pieces) await file.append(piece);
    await file.settle();
    await file.close();
  } catch (error) {
    await file.discard();
    throw error;
  } finally {
    client.close();
  }
}

async function revisionOf({ files }: AgentHost, part: string): Promise<string> {
  try {
    return (await readBackend((offset, length) => files.readRange(part, offset, length))).revision;
  } catch (error) {
    if (error instanceof BoltError)
      throw new Fault('failed', `what etcd sent cannot be read: ${error.message}`, undefined, {
        cause: error,
      });
    throw error;
  }
}
