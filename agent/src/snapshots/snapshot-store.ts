/**
 * The snapshots that this host keeps, in one directory:
 *
 *     NAME.snapshot.db      as etcd sent it, 0600
 *     NAME.snapshot.json    what is known of it; on the disk before the file has its name
 *     incoming/             one that is being received, or taken
 *     trial/                a trial restore under way
 *
 * Files that have no such note were put there by somebody else: they are nobody's here, and stay.
 */
import { join } from 'node:path';
import { SnapshotDigest } from '@etcd-agent/etcd';
import { chunksOf, type Files } from '@etcd-agent/platform';
import {
  Fault,
  type SnapshotContent,
  type StoredSnapshot,
  snapshotNameSchema,
  storedSnapshotSchema,
  storedSnapshotsMax,
} from '@etcd-agent/protocol';
import { optionalText } from '../optional-text.js';

export class SnapshotStore {
  constructor(
    private readonly files: Files,
    readonly directory: string,
  ) {}

  get incoming(): string {
    return join(this.directory, 'incoming');
  }

  get trials(): string {
    return join(this.directory, 'trial');
  }

  /** Makes the directories, for this agent alone. */
  async prepare(): Promise<void> {
    await this.files.makeDirectory(this.directory, { mode: 0o700 });
    await this.files.makeDirectory(this.incoming, { mode: 0o700 });
  }

  /** The oldest first. */
  async list(): Promise<StoredSnapshot[]> {
    const { files, directory } = this;
    if (!(await files.exists(directory))) return [];
    const names = (await files.list(directory)).filter((name) => snapshotNameSchema.safeParse(name).success);
    const read = await Promise.all(names.map((name) => this.noteOf(name)));
    return read
      .flatMap((snapshot) => snapshot ?? [])
      .sort((a, b) => (a.at < b.at ? -1 : 1))
      .slice(-storedSnapshotsMax);
  }

  async find(sha256: string): Promise<StoredSnapshot | undefined> {
    return (await this.list()).find((snapshot) => snapshot.sha256 === sha256);
  }

  pathOf({ name }: Pick<StoredSnapshot, 'name'>): string {
    return join(this.directory, name);
  }

  /**
   * Takes a file into the store that is whole and on the disk, from a name on the same file system. Its bytes are read and
   * checked; throws a Fault, with the file as it was, where they are not what `sha256` says or the seal does not fit.
   */
  async keep(
    from: string,
    about: Pick<StoredSnapshot, 'name' | 'at' | 'origin'>,
    sha256?: string,
  ): Promise<StoredSnapshot> {
    const sum = await this.check(from, sha256);
    const snapshot: StoredSnapshot = { ...about, ...sum, verified: null };
    await this.write(snapshot);
    await this.files.move(from, this.pathOf(snapshot));
    return snapshot;
  }

  /** Reads all of a file. Throws a Fault where it is not what it should be. */
  async check(path: string, sha256?: string): Promise<Pick<StoredSnapshot, 'sha256' | 'bytes' | 'seal'>> {
    const digest = new SnapshotDigest();
    await chunksOf(path, (chunk) => digest.update(chunk));
    const { seal, ...sum } = digest.sum();
    if (sha256 !== undefined && sum.sha256 !== sha256)
      throw new Fault('refused', `${path} has the SHA-256 ${sum.sha256}, not ${sha256}`, damaged);
    if (seal === 'wrong')
      throw new Fault(
        'refused',
        `${path} is damaged or cut short: the SHA-256 at its end does not fit`,
        damaged,
      );
    return { ...sum, seal };
  }

  async noteVerified(
    snapshot: StoredSnapshot,
    content: SnapshotContent,
    at: string,
  ): Promise<StoredSnapshot> {
    const verified: StoredSnapshot = { ...snapshot, verified: { at, content } };
    await this.write(verified);
    return verified;
  }

  /** The file first: what has no file is not listed. */
  async remove(snapshot: StoredSnapshot): Promise<void> {
    await this.files.remove(this.pathOf(snapshot));
    await this.files.remove(this.notePath(snapshot.name));
  }

  private notePath(name: string): string {
    return join(this.directory, name.replace(/\.db$/, '.json'));
  }

  private write(snapshot: StoredSnapshot): Promise<void> {
    const text = `${JSON.stringify(storedSnapshotSchema.parse(snapshot), null, 2)}\n`;
    return this.files.writeAtomic(this.notePath(snapshot.name), text, { mode: 0o600 });
  }

  private async noteOf(name: string): Promise<StoredSnapshot | undefined> {
    const text = await optionalText(this.files, this.notePath(name));
    if (text === undefined) return undefined;
    try {
      return storedSnapshotSchema.safeParse(JSON.parse(text)).data;
    } catch {
      return undefined;
    }
  }
}

const damaged = 'take another snapshot of this cluster, or another copy of this one';
