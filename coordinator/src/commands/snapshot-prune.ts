/**
 * `coordinator snapshot prune`: removes snapshots that newer verified ones have overtaken: files that this coordinator has saved,
 * and those that were sent to agents. What agents take by themselves they prune by themselves.
 */
import { unlink } from 'node:fs/promises';
import { type StoredSnapshot, snapshotsToPrune } from '@etcd-agent/protocol';
import { askAgents, silentNotes, withAgents } from '../cluster/ask-agents.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import { recorded } from '../operation.js';
import { pruneTable } from '../output/snapshots.js';
import type { View } from '../output/view.js';
import { changeSaved, isThere, type SavedSnapshotNote, savedSnapshots } from '../state/saved-snapshots.js';
import { ask, type CommandContext } from './context.js';

export interface PruneFlags {
  readonly keep: number;
  readonly maxAgeMs: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** A snapshot that goes, and from where. */
export type Going =
  | ({ readonly where: 'here' } & SavedSnapshotNote)
  | ({ readonly where: string; readonly file: string } & StoredSnapshot);

export async function snapshotPrune({ stateDir }: CommandContext, flags: PruneFlags): Promise<View> {
  const cluster = await openCluster(stateDir);
  const here = await goingHere(cluster, flags);
  return withAgents(cluster, cluster.places, async (reached) => {
    const { answered, silent } = await askAgents(reached, (link) => link.call('snapshot.list', {}));
    const there = answered.flatMap(({ place, value }) => goingThere(place.name, value.snapshots, flags));
    const going: readonly Going[] = [...here, ...there];
    const notes = silentNotes(silent, 'was not asked');
    const document = { kind: 'SnapshotPrune', snapshots: going };
    if (going.length === 0)
      return {
        document: { ...document, removed: false },
        table: undefined,
        notes: [...notes, 'nothing goes: no snapshot is overtaken by newer verified ones'],
      };
    if (flags.dryRun)
      return {
        document: { ...document, removed: false },
        table: pruneTable(going),
        notes: [...notes, 'nothing was removed; without --dry-run these go'],
      };
    if (!flags.yes) {
      process.stderr.write(`${pruneTable(going)}\n`);
      if (!(await ask(`Remove these ${going.length}?`, 'coordinator snapshot prune --yes')))
        return {
          document: { ...document, removed: false },
          table: undefined,
          notes: ['nothing was removed'],
        };
    }
    const plan = going.map(({ where, file }) => `remove ${where}: ${file}`);
    await recorded(cluster.state, { action: 'snapshot prune', plan }, async (operation) => {
      await operation.step('remove files here', () => removeHere(cluster, here));
      for (const link of reached.links) {
        const onIt = there.filter(({ where }) => where === link.place.name);
        if (onIt.length === 0) continue;
        await operation.step(`remove those on ${link.place.name}`, async () => {
          for (const { sha256 } of onIt) await link.call('snapshot.forget', { sha256 });
        });
      }
    });
    return {
      document: { ...document, removed: true },
      table: pruneTable(going),
      notes: [...notes, 'removed'],
    };
  });
}

/** Notes of files that are gone already go too, without being counted as snapshots. */
async function goingHere(
  cluster: Cluster,
  flags: PruneFlags,
): Promise<({ where: 'here' } & SavedSnapshotNote)[]> {
  const notes = await savedSnapshots(cluster.state);
  const there = await Promise.all(notes.map(isThere));
  const files = notes.filter((_note, at) => there[at]);
  return snapshotsToPrune(files, flags, Date.now()).map((note) => ({ where: 'here', ...note }));
}

function goingThere(node: string, snapshots: readonly StoredSnapshot[], flags: PruneFlags) {
  // The agent's own ones count as newer ones, and stay.
  return snapshotsToPrune(snapshots, flags, Date.now())
    .filter(({ origin }) => origin === 'received')
    .map((snapshot) => ({ where: node, file: snapshot.name, ...snapshot }));
}

async function removeHere(cluster: Cluster, going: readonly SavedSnapshotNote[]): Promise<void> {
  for (const { file } of going) await unlink(file);
  await changeSaved(cluster.state, 'coordinator snapshot prune', (notes) =>
    notes.filter(({ file }) => !going.some((each) => each.file === file)),
  );
}
