/** A snapshot that an agent keeps, piece by piece into a file of this host, which has its name only when it is whole. */
import { createHash } from 'node:crypto';
import { GrowingFile } from '@etcd-agent/platform';
import { Failure } from '../failure.js';
import type { NodeLink } from './dial-node.js';

const pieceMsMax = 60_000;

/** Throws Failure where what came is not what `sha256` says; nothing of the file is left then. */
export async function fetchSnapshot(link: NodeLink, sha256: string, path: string): Promise<void> {
  const growing = await GrowingFile.begin(`${path}.part`);
  try {
    const hash = createHash('sha256');
    for (let offset = 0, bytes = 1; offset < bytes; ) {
      const answer = await link.call('snapshot.read', { sha256, offset }, pieceMsMax);
      const data = Buffer.from(answer.piece.data, 'base64');
      if (data.length === 0) break;
      hash.update(data);
      await growing.append(data);
      bytes = answer.bytes;
      offset += data.length;
    }
    await growing.settle();
    if (hash.digest('hex') !== sha256)
      throw new Failure({
        exit: 'failed',
        what: `what ${link.place.name} sent is not the snapshot ${sha256.slice(0, 12)}`,
        next: 'run the same command again',
      });
    await growing.publish(path);
  } catch (error) {
    await growing.discard();
    throw error;
  }
}
