/**
 * Takes etcd's programs out of what an operator had sent: an archive as etcd's authors publish it, or the bare program.
 * Three names are of interest; everything else in an archive is passed over, and what looks like an attack ends it. The file
 * was vouched for by its SHA-256: this is for the day when the wrong thing was vouched for.
 */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Headers } from 'tar-stream';
import { elfArchitecture, elfHeadBytes } from './elf.js';

const wantedPrograms: ReadonlySet<string> = new Set(['etcd', 'etcdctl', 'etcdutl']);

export interface UnpackLimits {
  /** Of one program: etcd itself has 25 MB. */
  readonly programBytesMax: number;
  /** Of an archive when it is unpacked, whatever is in it. */
  readonly archiveBytesMax: number;
  readonly entriesMax: number;
}

export const unpackLimits: UnpackLimits = {
  programBytesMax: 256 * 1024 ** 2,
  archiveBytesMax: 1024 ** 3,
  entriesMax: 10_000,
};

/** The file is not what it should be. The message says why; the file is of no use. */
export class UnpackError extends Error {
  override readonly name = 'UnpackError';
}

/** Writes the programs into the directory, which is empty, 0755 and synced; returns their names. Throws UnpackError. */
export async function unpackEtcd(
  file: string,
  into: string,
  limits: UnpackLimits = unpackLimits,
): Promise<readonly string[]> {
  const head = await headOf(file);
  if (head[0] === 0x1f && head[1] === 0x8b) return unpackArchive(file, into, limits);
  if (elfArchitecture(head) === undefined)
    throw new UnpackError('it is neither a .tar.gz nor a program for Linux');
  await writeProgram(join(into, 'etcd'), createReadStream(file), limits.programBytesMax);
  return ['etcd'];
}

async function unpackArchive(file: string, into: string, limits: UnpackLimits): Promise<readonly string[]> {
  const archive = extract();
  // Its own error is told by the pipeline, or by whoever reads entries.
  archive.on('error', () => {});
  const feeding = pipeline(
    createReadStream(file),
    createGunzip(),
    bounded(limits.archiveBytesMax, `it unpacks to more than ${limits.archiveBytesMax} bytes`),
    archive,
  );
  feeding.catch(() => {});
  const found: string[] = [];
  let entries = 0;
  try {
    for await (const entry of archive) {
      entries += 1;
      if (entries > limits.entriesMax) throw new UnpackError(`it has more than ${limits.entriesMax} entries`);
      const name = programName(entry.header, limits);
      if (name === undefined) {
        entry.resume();
      } else if (found.includes(name)) {
        throw new UnpackError(`it has two programs called ${name}`);
      } else {
        await writeProgram(join(into, name), entry as unknown as Readable, limits.programBytesMax);
        found.push(name);
      }
    }
    await feeding;
  } catch (error) {
    archive.destroy();
    // What the feeding end says is the cause, where it failed.
    const cause = await feeding.then(
      () => error,
      (fed: unknown) => (error instanceof UnpackError ? error : fed),
    );
    throw asUnpackError(cause);
  }
  if (!found.includes('etcd')) throw new UnpackError('there is no etcd in it');
  return found;
}

/** The wanted program that an entry is; undefined for what is passed over. */
function programName(header: Headers, { programBytesMax }: UnpackLimits): string | undefined {
  const parts = header.name.split('/').filter((part) => part !== '' && part !== '.');
  if (header.name.startsWith('/') || parts.includes('..') || header.name.includes('\0'))
    throw new UnpackError(`it has an entry called ${JSON.stringify(header.name.slice(0, 100))}`);
  const name = parts.at(-1) ?? '';
  if (!wantedPrograms.has(name) || header.type === 'directory') return undefined;
  if (header.type !== 'file' && header.type !== 'contiguous-file')
    throw new UnpackError(`${name} in it is a ${header.type ?? 'thing of unknown type'}, not a file`);
  if ((header.size ?? 0) > programBytesMax)
    throw new UnpackError(`${name} in it has ${header.size} bytes, more than ${programBytesMax}`);
  return name;
}

async function writeProgram(path: string, from: Readable, bytesMax: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  try {
    await writeAll(handle, from, bytesMax);
    await handle.chmod(0o755);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, from: Readable, bytesMax: number): Promise<void> {
  let total = 0;
  for await (const chunk of from) {
    const bytes = chunk as Buffer;
    total += bytes.length;
    if (total > bytesMax) throw new UnpackError(`a program in it has more than ${bytesMax} bytes`);
    await handle.writeFile(bytes);
  }
}

function bounded(bytesMax: number, complaint: string): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      if (total > bytesMax) done(new UnpackError(complaint));
      else done(null, chunk);
    },
  });
}

async function headOf(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(elfHeadBytes);
    const { bytesRead } = await handle.read(head, 0, elfHeadBytes, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A disk that is full stays what it is; everything that gunzip and tar complain of is about the file. */
function asUnpackError(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof UnpackError || (code !== undefined && /^E[A-Z]+$/.test(code))) return error;
  return new UnpackError(`it cannot be unpacked: ${message}`, { cause: error });
}
