/** A file over one link, piece by piece: the next one goes when the one before is on the other side's disk. */
import { pieceBytesMax } from '@etcd-agent/protocol';
import { Failure } from '../failure.js';
import type { NodeLink } from './dial-node.js';
import type { LocalFile } from './local-file.js';

/** A MiB over a line of 1 MBit/s, or to a disk that takes its time. */
const pieceMsMax = 60_000;
/** Answers that bring it no further: something else writes there, or removes it. */
const standstillsMax = 3;

/** Begins where an earlier attempt was broken off. `what` it is says which methods take it; `onProgress`: bytes that are there. */
export async function sendFile(
  link: NodeLink,
  what: 'install' | 'snapshot',
  file: LocalFile,
  onProgress: (received: number) => void,
): Promise<void> {
  const { sha256, bytes } = file;
  let { received } = await link.call(`${what}.begin`, { sha256, bytes });
  let standstills = 0;
  while (received < bytes) {
    onProgress(received);
    const data = (await file.read(received, pieceBytesMax)).toString('base64');
    const answer = await link.call(`${what}.piece`, { sha256, offset: received, data }, pieceMsMax);
    standstills = answer.received > received ? 0 : standstills + 1;
    if (standstills > standstillsMax) {
      throw new Failure({
        exit: 'failed',
        what: `the file does not arrive at ${link.place.name}: it stays at ${received} of ${bytes} bytes`,
        cause: 'another coordinator sends to that agent, or something removes what was sent',
        next: 'run the same command again',
      });
    }
    received = answer.received;
  }
  onProgress(bytes);
}
