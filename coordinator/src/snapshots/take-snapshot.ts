/** Saves a snapshot of a cluster from the member that it costs least, and has it tried by an agent. */
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { readAdminCredentials } from '../authority.js';
import type { Cluster } from '../cluster/open-cluster.js';
import { Failure } from '../failure.js';
import { sizeText } from '../output/sizes.js';
import { byPercent, type Progress } from '../progress.js';
import { changeSaved, type SavedSnapshotNote } from '../state/saved-snapshots.js';
import { findSource } from './find-source.js';
import type { Source } from './plan/pick-source.js';
import { saveSnapshot } from './save-snapshot.js';
import { trialOfFile } from './trial-on-agent.js';

/** A note each time that so much more has arrived. */
const percentStep = 10;

export interface WhatToTake {
  /** The file to be; undefined: a name that says what it is, in `directory`. */
  readonly file: string | undefined;
  readonly directory: string;
  /** The node whose member is asked; undefined: the one that it costs least. */
  readonly from: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Taken extends SavedSnapshotNote {
  readonly source: Source;
}

/** Throws Failure; nothing of the file is left then. */
export async function takeSnapshot(cluster: Cluster, what: WhatToTake, progress: Progress): Promise<Taken> {
  const source = await findSource(cluster, what.from);
  const { directory, nameOf } = await targetOf(cluster, what);
  const saved = await progress.phase(
    `Saving a snapshot from ${source.name} (${source.role})`,
    async (report) =>
      saveSnapshot({
        endpoint: source.endpoint,
        node: source.name,
        credentials: await readAdminCredentials(cluster.state),
        directory,
        nameOf,
        onProgress: byPercent(percentStep, (percent, total) =>
          report.note(`${percent} % of ${sizeText(total)}`),
        ),
        signal: what.signal,
      }),
  );
  const noted = { ...saved, verified: null };
  await note(cluster, noted);
  return { ...noted, source };
}

/** A trial restore of one that was just taken. Throws Failure; the file stays. */
export async function verifyTaken(cluster: Cluster, taken: Taken, progress: Progress): Promise<Taken> {
  const { on, content } = await trialOfFile(cluster, taken.file, { rather: taken.node }, progress);
  const verified = { at: new Date().toISOString(), on, content };
  const { source, ...snapshot } = taken;
  await note(cluster, { ...snapshot, verified });
  return { ...taken, verified };
}

/** Replaces what was known of that file. */
function note(cluster: Cluster, snapshot: SavedSnapshotNote): Promise<void> {
  return changeSaved(cluster.state, 'coordinator snapshot save', (notes) => [
    ...notes.filter(({ file }) => file !== snapshot.file),
    snapshot,
  ]);
}

/** Throws Failure where the file is there already, or its directory is not. */
async function targetOf(
  { topology }: Cluster,
  { file, directory }: WhatToTake,
): Promise<{ directory: string; nameOf: (revision: string) => string }> {
  const path = file === undefined ? undefined : resolve(file);
  const [at, place] = await Promise.all([
    path === undefined ? undefined : statusOf(path),
    statusOf(path === undefined ? directory : dirname(path)),
  ]);
  // A directory is a place for the name that says what it is.
  if (path !== undefined && at?.isDirectory() === true)
    return { directory: path, nameOf: named(topology.name) };
  if (at !== undefined)
    throw new Failure({
      exit: 'refused',
      what: `${path} is there already; it was left as it is`,
      next: 'name another file',
    });
  if (place?.isDirectory() !== true)
    throw new Failure({
      exit: 'usage',
      what: `there is no directory ${path === undefined ? directory : dirname(path)}`,
      next: 'make it, or name a file elsewhere',
    });
  return path === undefined
    ? { directory, nameOf: named(topology.name) }
    : { directory: dirname(path), nameOf: () => basename(path) };
}

function named(cluster: string): (revision: string) => string {
  const time = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  return (revision) => `${cluster}-${time}-rev${revision}.snapshot.db`;
}

function statusOf(path: string) {
  return stat(path).catch(() => undefined);
}
