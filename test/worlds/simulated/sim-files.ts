/**
 * The Files port over a simulated disk, for one agent process. Reading takes no time. A change takes some, is durable
 * once it returns, and is there or not, at random or as a test has chosen, when process or power ended meanwhile.
 */
import { FileError, type Files, type WriteOptions } from '@etcd-agent/platform';
import type { SimChance } from './chance.js';
import type { SimClock } from './clock.js';
import { missing, type SimDisk } from './sim-disk.js';
import type { SimProcess } from './sim-process.js';

export interface FilesOutside {
  readonly disk: SimDisk;
  readonly process: SimProcess;
  readonly clock: SimClock;
  readonly chance: SimChance;
  /** Free bytes of every file system. */
  readonly freeBytes: () => number;
  /** Told of every change before it is made: the invariants watch what is deleted. */
  readonly onChange: (change: FileChange) => void;
  /** What becomes of a change in which the process ends; undefined: chance decides. */
  readonly fate?: () => Fate | undefined;
}

/** `torn`: half of it, where a change has halves. */
export type Fate = 'undone' | 'torn' | 'done';

export interface FileChange {
  readonly kind: 'write' | 'append' | 'remove' | 'removeTree' | 'move';
  readonly path: string;
  readonly to?: string;
}

/** A small synced write, milliseconds. */
const writeMsMin = 0.05;
const writeMsMax = 2;
/** One in a hundred meets a busy disk. */
const slowShare = 0.01;
const slowMs = 200;
const readBytesMaxDefault = 16 * 1024 * 1024;
const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };

export function simFiles(outside: FilesOutside): Files {
  const { disk, process, clock, chance } = outside;

  function read<T>(act: () => T): Promise<T> {
    return process.answer(({ resolve, reject }) => {
      try {
        resolve(act());
      } catch (error) {
        reject(error as Error);
      }
    });
  }

  /** `torn`: what else a crash may leave than the old state and the new. */
  function change<T>(change: FileChange, act: () => T, torn?: () => void): Promise<T> {
    return process.answer(({ resolve, reject }) => {
      const forget = process.atEnd(() => {
        const fate = outside.fate?.() ?? drawnFate();
        if (fate === 'undone') return;
        try {
          outside.onChange(change);
          if (fate === 'torn' && torn !== undefined) torn();
          else act();
        } catch {
          // It would have failed: nothing changed.
        }
      });
      // A stopped process is in the middle of it until it goes on.
      const finish = () => {
        try {
          outside.onChange(change);
          // Whoever was told has ended the process: the change has had its fate.
          if (process.dead) return;
          resolve(act());
        } catch (error) {
          reject(error as Error);
        } finally {
          forget();
        }
      };
      clock.after(delayMs(), () => process.deliver(finish));
    });
  }

  function drawnFate(): Fate {
    const fraction = chance.fraction();
    if (fraction < 0.4) return 'undone';
    return fraction < 0.6 ? 'torn' : 'done';
  }

  function delayMs(): number {
    return chance.fraction() < slowShare
      ? slowMs
      : writeMsMin + chance.fraction() * (writeMsMax - writeMsMin);
  }

  function refuseWhenFull(operation: string, path: string): void {
    if (disk.full) throw new FileError(operation, path, 'ENOSPC', 'no space left on device');
  }

  function append(path: string, text: string, mode: number): void {
    const before = disk.entry(path)?.kind === 'file' ? disk.read(path) : new Uint8Array();
    const closed = before.length === 0 || before.at(-1) === 0x0a ? '' : '\n';
    const added = utf8.encode.encode(`${closed}${text}`);
    const whole = new Uint8Array(before.length + added.length);
    whole.set(before);
    whole.set(added, before.length);
    disk.write(path, whole, mode);
  }

  return {
    readText: (path, bytesMax = readBytesMaxDefault) =>
      read(() => {
        const bytes = disk.read(path);
        if (bytes.length > bytesMax)
          throw new FileError('read', path, 'EFBIG', `it is larger than ${bytesMax} bytes`);
        return textOf(bytes);
      }),
    readHead: (path, bytes) => read(() => disk.readHead(path).subarray(0, bytes)),
    readRange: (path, offset, bytes) => read(() => disk.read(path).subarray(offset, offset + bytes)),
    readTail: (path, bytes) => read(() => utf8.decode.decode(disk.read(path).slice(-bytes))),
    exists: (path) => read(() => disk.look(path) !== undefined),
    stat: (path) => read(() => disk.status(path)),
    list: (directory) => read(() => disk.list(directory)),
    makeDirectory: (path, options: WriteOptions) =>
      change({ kind: 'write', path }, () => {
        refuseWhenFull('make directory', path);
        return { created: disk.makeDirectory(path, options.mode, options.owner) };
      }),
    writeAtomic: (path, data, options) =>
      change({ kind: 'write', path }, () => {
        refuseWhenFull('write', path);
        const bytes = typeof data === 'string' ? utf8.encode.encode(data) : data.slice();
        disk.write(path, bytes, options.mode, options.owner);
      }),
    appendDurable: (path, line, { mode = 0o600 } = {}) =>
      change(
        { kind: 'append', path },
        () => {
          refuseWhenFull('append to', path);
          if (line.includes('\n'))
            throw new FileError('append to', path, 'EINVAL', 'the line contains a line feed');
          append(path, `${line}\n`, mode);
        },
        () => append(path, line.slice(0, Math.floor(line.length / 2)), mode),
      ),
    remove: (path) => change({ kind: 'remove', path }, () => disk.unlink(path)),
    removeTree: (path) =>
      change(
        { kind: 'removeTree', path },
        () => disk.unlink(path),
        () => unlinkSome(disk, path),
      ),
    move: (from, to) => change({ kind: 'move', path: from, to }, () => disk.rename(from, to)),
    freeBytes: () => read(() => (disk.full ? 0 : outside.freeBytes())),
    usedBytes: (path) => read(() => disk.used(path)),
    measureFsync: () => read(() => ({ medianMs: 1, maxMs: slowMs, rounds: 15 })),
  };
}

const knownTexts = new WeakMap<Uint8Array, string>();

/** What a file holds is never changed in place, and the same few files are read all the time. */
function textOf(bytes: Uint8Array): string {
  let text = knownTexts.get(bytes);
  if (text === undefined) {
    text = utf8.decode.decode(bytes);
    knownTexts.set(bytes, text);
  }
  return text;
}

/** What a removal that was cut short leaves: every second name. */
function unlinkSome(disk: SimDisk, path: string): void {
  if (disk.look(path) === undefined) throw missing('remove', path);
  for (const [index, name] of disk.list(path).entries()) {
    if (index % 2 === 0 && disk.entry(`${path}/${name}`) !== undefined) disk.unlink(`${path}/${name}`);
  }
}
