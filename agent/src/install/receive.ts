/**
 * A file that comes in pieces. It grows under `incoming/` beside where it will be unpacked, under its SHA-256, so that a link
 * or an agent that breaks in the middle costs a piece and not the file.
 */
import { dirname, join } from 'node:path';
import { appendAt, type Files } from '@etcd-agent/platform';
import { Fault } from '@etcd-agent/protocol';
import { sharedDirectory } from '../etcd-program.js';

/** What is kept free beside the file and what comes out of it: other things on this disk must go on. */
const spareBytes = 64 * 1024 ** 2;
/** A .tar.gz of etcd unpacks to three times its size; of that a third is not even taken out. */
const unpackedFactor = 3;

export function incomingDirectory(etcds: string): string {
  return join(etcds, 'incoming');
}

export function partOf(etcds: string, sha256: string): string {
  return join(incomingDirectory(etcds), `${sha256}.part`);
}

/** Makes room for the file and says how much of it is there already. Throws a Fault where there is no room. */
export async function beginReceiving(
  files: Files,
  etcds: string,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
): Promise<number> {
  const part = partOf(etcds, sha256);
  await makeReadable(files, etcds);
  await files.makeDirectory(incomingDirectory(etcds), { mode: 0o700 });
  for (const name of await files.list(incomingDirectory(etcds))) {
    // A dead attempt with another file, or one that died while it unpacked.
    const path = join(incomingDirectory(etcds), name);
    if (path !== part) await files.removeTree(path);
  }
  const status = await files.stat(part);
  let received = status.kind === 'file' ? status.size : 0;
  if (status.kind !== 'missing' && (status.kind !== 'file' || status.link || received > bytes)) {
    await files.removeTree(part);
    received = 0;
  }
  const wanted = bytes - received + unpackedFactor * bytes + spareBytes;
  const free = await files.freeBytes(etcds);
  if (free < wanted) {
    throw new Fault(
      'failed',
      `${etcds} has ${megabytes(free)} MB free; to receive and unpack this file takes ${megabytes(wanted)} MB`,
      `make room on the file system of ${etcds}, then run the same command again`,
    );
  }
  return received;
}

/**
 * etcd's account has to come through here to its program, and whoever made the directory above may have done so under a umask
 * for secrets. One that is for this agent alone, as its state is, stays as it is: then etcd runs as the agent does.
 */
async function makeReadable(files: Files, etcds: string): Promise<void> {
  if (etcds === sharedDirectory) await files.makeDirectory(dirname(etcds), { mode: 0o755 });
  await files.makeDirectory(etcds, { mode: 0o755 });
}

/** Appends one piece; returns how much is there then, which says where the next one begins. */
export async function receivePiece(
  files: Files,
  etcds: string,
  { sha256, offset, data }: { readonly sha256: string; readonly offset: number; readonly data: string },
): Promise<number> {
  if (!(await files.exists(incomingDirectory(etcds))))
    throw new Fault('refused', 'no file was announced', 'run the same command again');
  return appendAt(partOf(etcds, sha256), offset, Buffer.from(data, 'base64'));
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
