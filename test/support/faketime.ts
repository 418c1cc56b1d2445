/** A clock that is wrong, for one process: libfaketime, unpacked by the setup. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './programs.js';

/** Environment under which a program's wall clock is `offset` off, such as `+10s`. Throws where the library is not there. */
export function wrongClock(offset: string): Readonly<Record<string, string>> {
  const libraries = join(root, '.cache', 'faketime', 'usr', 'lib');
  const found = (existsSync(libraries) ? readdirSync(libraries) : [])
    .map((triplet) => join(libraries, triplet, 'faketime', 'libfaketimeMT.so.1'))
    .find(existsSync);
  if (found === undefined)
    throw new Error('there is no libfaketime in .cache/faketime: run node scripts/setup.mjs --test');
  // The monotonic clock stays true: Node's timers would not fire otherwise.
  return { LD_PRELOAD: found, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}
