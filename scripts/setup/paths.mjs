// Where things are in a checkout. Everything the setup makes is under `.cache/` (ignored by git), node_modules and
// dist; nothing is written elsewhere, and removing `.cache` undoes all that was downloaded.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const cache = join(root, '.cache');

/** Logs of every command the setup has run, one file per command, overwritten by the next run. */
export const logs = join(cache, 'logs');

/** Half-made things. Renamed away when whole; whatever is found here when a setup starts is rubbish. */
export const scratch = join(cache, 'tmp');
