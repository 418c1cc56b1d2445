/**
 * Removing what labs leave behind: this run's own when it ends, and at the start of a run what one that was killed has left in any
 * bay that nobody has.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { acquireExclusive, HeldError } from '@etcd-agent/platform';
import { removeCgroups } from './cgroups.js';
import { must } from './commands.js';
import { removeNetwork } from './network.js';
import { type Bay, bays, fiveHostNames, namespaceOf } from './places.js';

/** Of an earlier run that was killed, or of this one. The bay's lock is held. */
export async function removeLeftovers(of: Bay): Promise<void> {
  await removeCgroups(of);
  await removeNetwork(of);
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${of.runDir}/`));
  for (const path of mounted.reverse()) await must('umount', [path]);
  for (const name of fiveHostNames) {
    rmSync(`/run/systemd/nspawn/propagate/${namespaceOf(name, of)}`, { recursive: true, force: true });
  }
  // Last: where it is, something may be left.
  rmSync(of.runDir, { recursive: true, force: true });
}

/** vitest calls it before the first file: not each run opens a lab in every bay. */
export async function setup(): Promise<void> {
  for (const bay of bays.filter(({ runDir }) => existsSync(runDir))) {
    try {
      const lock = await acquireExclusive(bay.lockFile, 'removing what a killed run left');
      // Where it does not work, the next lab in this bay says why.
      await removeLeftovers(bay).catch(() => {});
      await lock.release();
    } catch (error) {
      // Somebody is at work there.
      if (!(error instanceof HeldError)) throw error;
    }
  }
}
