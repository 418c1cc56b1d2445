/**
 * The file systems of one simulated host: a tree of inodes that outlives processes and power cuts. What etcd keeps in
 * `member` is one entry, whose files are read from the model's disk when somebody looks. Time and crashes are not here:
 * see sim-files.ts.
 */
import { FileError, type FileStatus } from '@etcd-agent/platform';
import { cloneDisk, damages, type EtcdDisk, encodeWal, lastOf } from './etcd-disk.js';

interface Inode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
}

export interface SimFile extends Inode {
  readonly kind: 'file';
  content: Uint8Array;
}

export interface SimDirectory extends Inode {
  readonly kind: 'directory';
  readonly children: Map<string, SimEntry>;
  /** Set where another file system begins. */
  mount: { readonly dev: number; readonly id: string } | undefined;
}

/** The directory `member` of an etcd data dir. */
export interface SimMember extends Inode {
  readonly kind: 'member';
  readonly disk: EtcdDisk;
}

export type SimEntry = SimFile | SimDirectory | SimMember;

/** What stands at a path: an entry of the tree, or something inside a `member`. */
type Look =
  | { readonly kind: 'entry'; readonly entry: SimEntry; readonly dev: number }
  | {
      readonly kind: 'inside';
      readonly file: boolean;
      readonly names: readonly string[];
      readonly bytes: () => Uint8Array;
      readonly ino: number;
      readonly dev: number;
    };

const rootDevice = { dev: 2049, id: '/ ext4 root' };

export type DiskCopy = SimDirectory;

export class SimDisk {
  #inodes = 1;
  readonly #root: SimDirectory;
  /** Writes are refused: no space left. */
  full = false;
  /** How often an older copy was put in its place. */
  rollBacks = 0;

  constructor() {
    this.#root = this.#directory(0o755);
    this.#root.mount = rootDevice;
  }

  look(path: string): Look | undefined {
    let entry: SimEntry = this.#root;
    let dev = rootDevice.dev;
    const parts = partsOf(path);
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index]!;
      if (entry.kind === 'member') return this.#lookInside(entry, parts.slice(index), dev);
      const next: SimEntry | undefined = entry.kind === 'directory' ? entry.children.get(part) : undefined;
      if (next === undefined) return undefined;
      entry = next;
      if (entry.kind === 'directory' && entry.mount !== undefined) dev = entry.mount.dev;
    }
    return { kind: 'entry', entry, dev };
  }

  entry(path: string): SimEntry | undefined {
    const look = this.look(path);
    return look?.kind === 'entry' ? look.entry : undefined;
  }

  status(path: string): FileStatus {
    const look = this.look(path);
    if (look === undefined) return { kind: 'missing' };
    const { dev } = look;
    if (look.kind === 'inside') {
      const { file, ino } = look;
      const size = file ? look.bytes().length : 4096;
      return {
        kind: file ? 'file' : 'directory',
        ino,
        dev,
        mode: 0o700,
        uid: 0,
        gid: 0,
        size,
        link: false,
      };
    }
    const { entry } = look;
    const { ino, mode, uid, gid } = entry;
    const file = entry.kind === 'file';
    const size = file ? entry.content.length : 4096;
    return { kind: file ? 'file' : 'directory', ino, dev, mode, uid, gid, size, link: false };
  }

  read(path: string): Uint8Array {
    const look = this.look(path);
    if (look === undefined) throw missing('read', path);
    if (look.kind === 'inside' && look.file) return look.bytes();
    if (look.kind === 'entry' && look.entry.kind === 'file') return look.entry.content;
    throw new FileError('read', path, 'EISDIR', 'it is a directory');
  }

  /** The beginning of a file: of a WAL, what says whose it is. */
  readHead(path: string): Uint8Array {
    const parts = partsOf(path);
    const member = this.entry(parentOf(parentOf(path)));
    return member?.kind === 'member' && parts.at(-1) === walSegment ? walHead(member.disk) : this.read(path);
  }

  list(path: string): readonly string[] {
    const look = this.look(path);
    if (look === undefined) throw missing('list', path);
    if (look.kind === 'inside') return look.names;
    switch (look.entry.kind) {
      case 'directory':
        return [...look.entry.children.keys()].sort();
      case 'member':
        return memberNames;
      case 'file':
        throw new FileError('list', path, 'ENOTDIR', 'it is a file');
    }
  }

  /** Makes the directory and its missing parents. Returns whether it was new. */
  makeDirectory(path: string, mode: number, owner?: { uid: number; gid: number }): boolean {
    const parts = partsOf(path);
    let created = false;
    let at: SimDirectory = this.#root;
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1;
      const next = at.children.get(part);
      if (next !== undefined && next.kind !== 'directory') {
        if (next.kind === 'member' && last) return false;
        throw new FileError('make directory', path, 'ENOTDIR', 'a part of the path is no directory');
      }
      const directory = next ?? this.#directory(last ? mode : 0o755);
      if (next === undefined) {
        at.children.set(part, directory);
        created = last;
      }
      if (last) Object.assign(directory, { mode, ...owner });
      at = directory;
    }
    return created;
  }

  write(path: string, content: Uint8Array, mode: number, owner = { uid: 0, gid: 0 }): void {
    const [parent, name] = this.#parent('write', path);
    const before = parent.children.get(name);
    if (before !== undefined && before.kind !== 'file')
      throw new FileError('write', path, 'EISDIR', 'a directory is there');
    parent.children.set(name, { kind: 'file', ino: this.#inodes++, mode, ...owner, content });
  }

  /** Takes a name away, with whatever is under it. Nothing there is no error. */
  unlink(path: string): void {
    const look = this.look(path);
    if (look === undefined) return;
    if (look.kind === 'inside') throw new FileError('remove', path, 'EPERM', 'it belongs to etcd');
    const [parent, name] = this.#parent('remove', path);
    parent.children.delete(name);
  }

  rename(from: string, to: string): void {
    const both = `${from} to ${to}`;
    const source = this.look(from);
    if (source?.kind !== 'entry') throw missing('move', both);
    if (this.look(to) !== undefined)
      throw new FileError('move', both, 'EEXIST', 'something is there already');
    const [fromParent, fromName] = this.#parent('move', from);
    const [toParent, toName] = this.#parent('move', to);
    if (source.entry.kind === 'directory' && source.entry.mount !== undefined)
      throw new FileError('move', both, 'EBUSY', 'it is a mount point');
    if (this.deviceOf(from).dev !== this.deviceOf(to).dev)
      throw new FileError('move', both, 'EXDEV', 'another file system');
    fromParent.children.delete(fromName);
    toParent.children.set(toName, source.entry);
  }

  /** The file system that holds the path, or would. */
  deviceOf(path: string): { readonly dev: number; readonly id: string; readonly mountPoint: string } {
    let found = { ...rootDevice, mountPoint: '/' };
    let at: SimEntry | undefined = this.#root;
    let walked = '';
    for (const part of partsOf(path)) {
      at = at?.kind === 'directory' ? at.children.get(part) : undefined;
      walked += `/${part}`;
      if (at?.kind === 'directory' && at.mount !== undefined) found = { ...at.mount, mountPoint: walked };
    }
    return found;
  }

  /** Puts a new, empty file system at the path; what was there is not seen any more. */
  mountNew(path: string): void {
    const [parent, name] = this.#parent('mount', path);
    const directory = this.#directory(0o755);
    const dev = 3000 + directory.ino;
    directory.mount = { dev, id: `${path} ext4 disk-${dev}` };
    parent.children.set(name, directory);
  }

  /** The `member` of a data dir, as etcd finds it. */
  member(dataDir: string): EtcdDisk | undefined {
    const found = this.entry(`${dataDir}/member`);
    return found?.kind === 'member' ? found.disk : undefined;
  }

  /** What etcd does when it starts on nothing. */
  putMember(dataDir: string, disk: EtcdDisk): void {
    this.makeDirectory(dataDir, 0o700);
    const [parent, name] = this.#parent('make', `${dataDir}/member`);
    parent.children.set(name, { kind: 'member', ino: this.#inodes++, mode: 0o700, uid: 0, gid: 0, disk });
  }

  /** Every `member` on the host with its path: the data dir's and those in quarantine. */
  members(): { readonly path: string; readonly disk: EtcdDisk }[] {
    const found: { path: string; disk: EtcdDisk }[] = [];
    const walk = (entry: SimEntry, path: string): void => {
      if (entry.kind === 'member') found.push({ path, disk: entry.disk });
      if (entry.kind === 'directory')
        for (const [name, child] of entry.children) walk(child, `${path}/${name}`);
    };
    walk(this.#root, '');
    return found;
  }

  /** What a copy of the whole disk has. */
  copy(): DiskCopy {
    return copyOf(this.#root);
  }

  /** The host has that copy in its place. What it had mounted is a part of it. */
  putBack(copy: DiskCopy): void {
    this.rollBacks += 1;
    this.#root.children.clear();
    for (const [name, child] of copyOf(copy).children) this.#root.children.set(name, child);
  }

  /** Of a copy no more than the `member` of a data dir is put into its place. */
  putBackMember(copy: DiskCopy, dataDir: string): void {
    let at: SimEntry | undefined = copy;
    for (const part of partsOf(`${dataDir}/member`))
      at = at?.kind === 'directory' ? at.children.get(part) : undefined;
    if (at?.kind === 'member') this.putMember(dataDir, cloneDisk(at.disk));
  }

  /** Bytes under the path. */
  used(path: string): number {
    const look = this.look(path);
    if (look === undefined) return 0;
    if (look.kind === 'inside') return look.file ? look.bytes().length : 0;
    const sum = (entry: SimEntry): number => {
      switch (entry.kind) {
        case 'file':
          return entry.content.length;
        case 'member':
          return databaseBytes;
        case 'directory':
          return [...entry.children.values()].reduce((total, child) => total + sum(child), 0);
      }
    };
    return sum(look.entry);
  }

  #lookInside(member: SimMember, parts: readonly string[], dev: number): Look | undefined {
    const [first, second, third] = parts;
    if (third !== undefined || !memberNames.includes(first!)) return undefined;
    const files = filesOf(member, first as 'wal' | 'snap');
    const names = [...files.keys()].sort();
    const inode = member.ino * 1_000;
    if (second === undefined)
      return { kind: 'inside', file: false, names, bytes: () => new Uint8Array(), ino: inode, dev };
    const bytes = files.get(second);
    if (bytes === undefined) return undefined;
    return { kind: 'inside', file: true, names: [], bytes, ino: inode + 1 + names.indexOf(second), dev };
  }

  #parent(operation: string, path: string): [SimDirectory, string] {
    const parts = partsOf(path);
    const name = parts.at(-1);
    const parent = this.entry(parentOf(path));
    if (name === undefined || parent?.kind !== 'directory') throw missing(operation, path);
    return [parent, name];
  }

  #directory(mode: number): SimDirectory {
    return {
      kind: 'directory',
      ino: this.#inodes++,
      mode,
      uid: 0,
      gid: 0,
      children: new Map(),
      mount: undefined,
    };
  }
}

/** What files hold is never changed in its place, and is shared. */
function copyOf(directory: SimDirectory): SimDirectory {
  const children = new Map<string, SimEntry>();
  for (const [name, child] of directory.children)
    children.set(
      name,
      child.kind === 'directory'
        ? copyOf(child)
        : child.kind === 'member'
          ? { ...child, disk: cloneDisk(child.disk) }
          : { ...child },
    );
  return { ...directory, children };
}

/** What the model's database takes; no bytes are kept for it. */
const databaseBytes = 64 * 1024;
const database = new Uint8Array(databaseBytes);

/** As FileError for a path at which nothing is. */
export function missing(operation: string, path: string): FileError {
  return new FileError(operation, path, 'ENOENT', 'no such file or directory');
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

const knownParts = new Map<string, readonly string[]>();

/** The same few paths are looked at all the time. */
function partsOf(path: string): readonly string[] {
  let parts = knownParts.get(path);
  if (parts === undefined) {
    parts = path.split('/').filter((part) => part !== '');
    if (knownParts.size > 10_000) knownParts.clear();
    knownParts.set(path, parts);
  }
  return parts;
}

const walSegment = '0000000000000000-0000000000000000.wal';

const memberNames: readonly string[] = ['snap', 'wal'];

function filesOf({ disk }: SimMember, directory: 'wal' | 'snap'): ReadonlyMap<string, () => Uint8Array> {
  return directory === 'wal'
    ? new Map([[walSegment, () => walBytes(disk)]])
    : new Map([['db', () => database]]);
}

const knownHeads = new WeakMap<EtcdDisk, Uint8Array>();

/** It never changes, and is asked for all the time. */
function walHead(disk: EtcdDisk): Uint8Array {
  let bytes = knownHeads.get(disk);
  if (bytes === undefined) {
    bytes = encodeWal({ ...disk, log: [], hardState: { term: 0, vote: undefined, commit: 0 } });
    knownHeads.set(disk, bytes);
  }
  return bytes;
}

const knownWals = new WeakMap<EtcdDisk, { readonly mark: string; readonly bytes: Uint8Array }>();

/** A damaged WAL is one whose last record is not what its checksum says. */
function walBytes(disk: EtcdDisk): Uint8Array {
  const { index, term } = lastOf(disk);
  const { hardState } = disk;
  const damaged = disk.damage === damages.walChecksum;
  const mark = `${index} ${term} ${hardState.term} ${hardState.vote} ${hardState.commit} ${damaged}`;
  const known = knownWals.get(disk);
  if (known?.mark === mark) return known.bytes;
  const bytes = encodeWal(disk);
  if (damaged) {
    const last = bytes.findLastIndex((byte) => byte !== 0);
    bytes[last] = bytes[last]! ^ 0xff;
  }
  knownWals.set(disk, { mark, bytes });
  return bytes;
}
