/**
 * A host's disk: a writable layer over the root file system that all hosts share. Keeping a copy of the layer is keeping a
 * snapshot of the disk; a fresh layer is a host that was just installed. But for `copyTo` the host must be switched off.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { must } from './commands.js';

/**
 * What a host syncs does not wait for this machine's disk: the power of a host is cut by ending its processes, after which
 * what they have written is there anyway. Linux has the option from 5.10.
 */
const unsynced = isAtLeast(release(), [5, 10]) ? ',volatile' : '';

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return first > major || (first === major && second >= minor);
}

export class Disk {
  /** Where the whole of it is seen, from this machine. */
  readonly root: string;
  private readonly upper: string;
  private readonly work: string;

  constructor(
    home: string,
    private readonly rootFileSystem: string,
  ) {
    this.root = join(home, 'root');
    this.upper = join(home, 'upper');
    this.work = join(home, 'work');
  }

  /** As after an installation: nothing of the host's own is on it. */
  async makeFresh(): Promise<void> {
    await this.replaceLayer(async () => mkdirSync(this.upper));
  }

  /** A copy of it as it is; the host must be off or frozen. `to` is not there yet. */
  async copyTo(to: string): Promise<void> {
    await must('cp', ['-a', '--sparse=always', this.upper, to]);
  }

  /** It is now what was copied. The copy stays. */
  async restoreFrom(copy: string): Promise<void> {
    await this.replaceLayer(() => must('cp', ['-a', '--sparse=always', copy, this.upper]));
  }

  // Changing a layer under a mount has no defined outcome.
  private async replaceLayer(make: () => Promise<unknown>): Promise<void> {
    if (this.isMounted) await must('umount', [this.root]);
    this.isMounted = false;
    for (const layer of [this.upper, this.work]) rmSync(layer, { recursive: true, force: true });
    for (const directory of [this.work, this.root]) mkdirSync(directory, { recursive: true });
    await make();
    const layers = `lowerdir=${this.rootFileSystem},upperdir=${this.upper},workdir=${this.work}`;
    await must('mount', ['-t', 'overlay', 'overlay', '-o', `${layers}${unsynced}`, this.root]);
    this.isMounted = true;
  }

  private isMounted = false;
}
