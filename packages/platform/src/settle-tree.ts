/**
 * Makes a directory that another program has written last: everything in it belongs to whom it is for, and is on the disk.
 * It is not used yet, so that nobody puts links in its way meanwhile.
 */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asFileError } from './file-error.js';
import type { Owner } from './files.js';

/** Files first, then the directories that name them. `owner` left out: as they are. Refuses links (ELOOP). */
export function settleTree(path: string, owner?: Owner): Promise<void> {
  return asFileError('settle', path, () => settle(path, owner));
}

async function settle(path: string, owner: Owner | undefined): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if ((await handle.stat()).isDirectory())
      for (const name of await readdir(path)) await settle(join(path, name), owner);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
