/** An etcd that comes as a file: where it grows, beside where it will be unpacked. */
import { dirname, join } from 'node:path';
import type { Files } from '@etcd-agent/platform';
import { sharedDirectory } from '../etcd-program.js';
import { type Announced, beginReceiving } from '../incoming.js';

/** A .tar.gz of etcd unpacks to three times its size; of that a third is not even taken out. */
const unpackedFactor = 3;

export function incomingDirectory(etcds: string): string {
  return join(etcds, 'incoming');
}

/** As `beginReceiving`. */
export async function beginReceivingEtcd(files: Files, etcds: string, file: Announced): Promise<number> {
  await makeReadable(files, etcds);
  const purpose = { verb: 'unpack', bytes: unpackedFactor * file.bytes };
  return beginReceiving(files, incomingDirectory(etcds), file, purpose);
}

/**
 * etcd's account has to come through here to its program, and whoever made the directory above may have done so under a umask
 * for secrets. One that is for this agent alone, as its state is, stays as it is: then etcd runs as the agent does.
 */
async function makeReadable(files: Files, etcds: string): Promise<void> {
  if (etcds === sharedDirectory) await files.makeDirectory(dirname(etcds), { mode: 0o755 });
  await files.makeDirectory(etcds, { mode: 0o755 });
}
