/**
 * A file that comes in pieces. It grows under its SHA-256 in a directory that is for nothing else, so that a link or an agent
 * that breaks in the middle costs a piece and not the file.
 */
import { join } from 'node:path';
import { appendAt, type Files } from '@etcd-agent/platform';
import { Fault, type Piece } from '@etcd-agent/protocol';
import { megabytes } from './megabytes.js';

/** What is kept free beside the file and what comes out of it: other things on this disk must go on. */
const spareBytes = 64 * 1024 ** 2;

export interface Announced {
  readonly sha256: string;
  readonly bytes: number;
}

/** What is done with the file once it is here, and the room that this takes on the same disk. */
export interface Purpose {
  readonly verb: string;
  readonly bytes: number;
}

export function partOf(incoming: string, sha256: string): string {
  return join(incoming, `${sha256}.part`);
}

/**
 * Makes room for the file and says how much of it is there already; what else is in the directory goes. Throws a Fault where
 * there is no room.
 */
export async function beginReceiving(
  files: Files,
  incoming: string,
  { sha256, bytes }: Announced,
  purpose: Purpose,
): Promise<number> {
  const part = partOf(incoming, sha256);
  await files.makeDirectory(incoming, { mode: 0o700 });
  for (const name of await files.list(incoming)) {
    // A dead attempt with another file, or one that died while it was put to use.
    const path = join(incoming, name);
    if (path !== part) await files.removeTree(path);
  }
  const status = await files.stat(part);
  let received = status.kind === 'file' ? status.size : 0;
  if (status.kind !== 'missing' && (status.kind !== 'file' || status.link || received > bytes)) {
    await files.removeTree(part);
    received = 0;
  }
  const wanted = bytes - received + purpose.bytes + spareBytes;
  const free = await files.freeBytes(incoming);
  if (free >= wanted) return received;
  throw new Fault(
    'failed',
    `${incoming} has ${megabytes(free)} MB free; to receive and ${purpose.verb} this file takes ${megabytes(wanted)} MB`,
    `make room on the file system of ${incoming}, then run the same command again`,
  );
}

/** Appends one piece; returns how much is there then, which says where the next one begins. */
export async function receivePiece(
  files: Files,
  incoming: string,
  { sha256, offset, data }: Piece,
): Promise<number> {
  if (!(await files.exists(incoming)))
    throw new Fault('refused', 'no file was announced', 'run the same command again');
  return appendAt(partOf(incoming, sha256), offset, Buffer.from(data, 'base64'));
}
