/** What a coordinator asks for about snapshots on this host, one long thing at a time. */
import { Fault, type MemberSpec, type Piece, pieceBytesMax, type StoredSnapshot } from '@etcd-agent/protocol';
import { effectiveSpec } from '../heal/effective-spec.js';
import type { AgentHost } from '../host.js';
import { type Announced, beginReceiving, partOf, receivePiece } from '../incoming.js';
import { OneThing } from '../one-thing.js';
import { copyDatabase } from './copy-database.js';
import { assertReady } from './ready.js';
import { type RestoreOrder, restoreSnapshot } from './restore-snapshot.js';
import { SnapshotStore } from './snapshot-store.js';
import { takeOwn } from './take-own.js';
import { clearTrials, trialRestore } from './trial-restore.js';

/** The file itself in a data dir once more, and the first file of a WAL. */
const walBytes = 64 * 1024 ** 2;

/** What is made of a snapshot that is named by its SHA-256. */
export type DataDirOrder = Omit<RestoreOrder, 'file' | 'seal'>;

export class Snapshots {
  private readonly one = new OneThing();

  constructor(private readonly host: AgentHost) {}

  /** Ends and removes what a trial has left when its agent ended. Never rejects. */
  async afterStart(): Promise<void> {
    const { trials } = await this.store();
    await this.one
      .only('removing the rest of a trial restore', () => clearTrials(this.host, trials))
      .catch((error: unknown) => this.host.log.error({ err: error }, 'a trial restore is left'));
  }

  async list() {
    const store = await this.store();
    const [snapshots, freeBytes] = await Promise.all([
      store.list(),
      this.host.files.freeBytes(store.directory),
    ]);
    return { directory: store.directory, freeBytes, snapshots };
  }

  async begin(file: Announced): Promise<{ received: number }> {
    const store = await this.store();
    if ((await store.find(file.sha256)) !== undefined) return { received: file.bytes };
    return this.one.only('receiving a snapshot', async () => {
      await assertReady(this.host, store.directory);
      await this.host.files.makeDirectory(store.directory, { mode: 0o700 });
      const purpose = { verb: 'restore', bytes: file.bytes + walBytes };
      return { received: await beginReceiving(this.host.files, store.incoming, file, purpose) };
    });
  }

  async piece(piece: Piece): Promise<{ received: number }> {
    const { incoming } = await this.store();
    return this.one.only('receiving a snapshot', async () => ({
      received: await receivePiece(this.host.files, incoming, piece),
    }));
  }

  async verify(sha256: string, trial: boolean): Promise<StoredSnapshot> {
    const store = await this.store();
    return this.one.only('verifying a snapshot', async () => {
      const known = await store.find(sha256);
      const snapshot = known ?? (await this.take(store, sha256));
      // One that has lain here may have been damaged since.
      if (known !== undefined) await store.check(store.pathOf(known), sha256);
      return trial ? this.tried(store, snapshot) : snapshot;
    });
  }

  /** Of the database of this node's own etcd, which does not answer. */
  async ofDatabase(): Promise<StoredSnapshot> {
    const store = await this.store();
    const spec = await effectiveSpec(this.host);
    if (spec === undefined)
      throw new Fault('refused', 'this node has no member spec yet', 'coordinator bootstrap');
    return this.one.only('copying the database', () => copyDatabase(this.host, store, spec.etcd.dataDir));
  }

  async read(sha256: string, offset: number): Promise<{ bytes: number; piece: Piece }> {
    const store = await this.store();
    const snapshot = await this.found(store, sha256);
    const data = await this.host.files.readRange(store.pathOf(snapshot), offset, pieceBytesMax);
    return {
      bytes: snapshot.bytes,
      piece: { sha256, offset, data: Buffer.from(data).toString('base64') },
    };
  }

  async forget(sha256: string): Promise<{ removed: boolean }> {
    const store = await this.store();
    return this.one.only('removing a snapshot', async () => {
      await this.host.files.remove(partOf(store.incoming, sha256));
      const snapshot = await store.find(sha256);
      if (snapshot === undefined) return { removed: false };
      if (snapshot.origin !== 'received')
        throw new Fault(
          'refused',
          `${snapshot.name} was taken by this agent itself, which prunes it by the rules of snapshots: in the topology`,
        );
      await store.remove(snapshot);
      return { removed: true };
    });
  }

  /**
   * A data dir out of a snapshot that is kept here, and is checked again, byte by byte. Throws a Fault, with nothing at
   * `dataDir`, where it is not here, or damaged.
   */
  async restore(sha256: string, order: DataDirOrder): Promise<void> {
    const store = await this.store();
    const snapshot = await this.found(store, sha256);
    const file = store.pathOf(snapshot);
    await store.check(file, sha256);
    await restoreSnapshot(this.host, { ...order, file, seal: snapshot.seal });
  }

  /** By itself, for the schedule; see `takeOwn`. */
  async takeOwn(spec: MemberSpec): Promise<StoredSnapshot> {
    const store = await this.store();
    return this.one.only('taking a snapshot', () => takeOwn(this.host, store, spec));
  }

  async remove(snapshots: readonly StoredSnapshot[]): Promise<void> {
    const store = await this.store();
    for (const snapshot of snapshots) await store.remove(snapshot);
  }

  async freeBytes(): Promise<number> {
    return this.host.files.freeBytes((await this.store()).directory);
  }

  /** Where the topology says, or in the agent's state. */
  async store(): Promise<SnapshotStore> {
    const { store, files, paths } = this.host;
    const dir = (await store.spec())?.snapshots?.dir;
    return new SnapshotStore(files, dir ?? paths.snapshotsDir);
  }

  private async found(store: SnapshotStore, sha256: string): Promise<StoredSnapshot> {
    const snapshot = await store.find(sha256);
    if (snapshot !== undefined) return snapshot;
    throw new Fault(
      'refused',
      `there is no snapshot with the SHA-256 ${sha256} in ${store.directory}`,
      'coordinator snapshot list',
    );
  }

  /** What has arrived. A file that is damaged is removed: it would not be another one the next time. */
  private async take(store: SnapshotStore, sha256: string): Promise<StoredSnapshot> {
    const { files, clock } = this.host;
    const part = partOf(store.incoming, sha256);
    if (!(await files.exists(part)))
      throw new Fault('refused', 'this snapshot was not sent', 'run the same command again');
    const about = {
      name: `received-${sha256.slice(0, 12)}.snapshot.db`,
      at: clock.now().toISOString(),
      origin: 'received',
    } as const;
    try {
      return await store.keep(part, about, sha256);
    } catch (error) {
      if (error instanceof Fault) await files.remove(part).catch(() => {});
      throw error;
    }
  }

  private async tried(store: SnapshotStore, snapshot: StoredSnapshot): Promise<StoredSnapshot> {
    const { host } = this;
    const trial = { file: store.pathOf(snapshot), seal: snapshot.seal, directory: store.trials };
    const content = await trialRestore(host, trial);
    host.log.info({ snapshot: snapshot.name, content }, 'a trial restore has succeeded');
    return store.noteVerified(snapshot, content, host.clock.now().toISOString());
  }
}
