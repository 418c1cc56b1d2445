/** A file of this host that goes to agents: read piece by piece, by every sender for itself. */
import { open } from 'node:fs/promises';

export interface LocalFile {
  readonly sha256: string;
  readonly bytes: number;
  /** Up to `wanted` bytes from `offset`. */
  read(offset: number, wanted: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** `about` was found out by reading all of it. */
export async function openLocalFile(
  path: string,
  about: Pick<LocalFile, 'sha256' | 'bytes'>,
): Promise<LocalFile> {
  const handle = await open(path, 'r');
  return {
    sha256: about.sha256,
    bytes: about.bytes,
    async read(offset, wanted) {
      const buffer = Buffer.alloc(Math.min(wanted, about.bytes - offset));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}
