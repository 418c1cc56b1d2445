/** Where the snapshots are that this coordinator has saved: `snapshots.json` in the state. The files lie where they were saved. */
import { stat } from 'node:fs/promises';
import { instant, nameSchema, sha256Hex, snapshotContentSchema, uint64 } from '@etcd-agent/protocol';
import * as z from 'zod';
import type { StateDir } from './state-dir.js';

const fileName = 'snapshots.json';
/** The oldest notes go; their files stay. */
const notesMax = 500;

const savedSnapshotSchema = z.strictObject({
  file: z.string(),
  node: nameSchema,
  at: instant,
  revision: uint64,
  keys: z.int().min(0).nullable(),
  bytes: z.int().min(1),
  sha256: sha256Hex,
  /** Null where no trial restore of it has succeeded. */
  verified: z.strictObject({ at: instant, on: nameSchema, content: snapshotContentSchema }).nullable(),
});
export type SavedSnapshotNote = z.infer<typeof savedSnapshotSchema>;

/** The oldest first. */
export async function savedSnapshots(state: StateDir): Promise<readonly SavedSnapshotNote[]> {
  return (await state.json(z.array(savedSnapshotSchema), fileName)) ?? [];
}

/** Changes the notes while nobody else changes the state. */
export async function changeSaved(
  state: StateDir,
  purpose: string,
  change: (notes: readonly SavedSnapshotNote[]) => readonly SavedSnapshotNote[],
): Promise<void> {
  const lock = await state.lock(purpose);
  try {
    const notes = change(await savedSnapshots(state));
    await state.writeJson(notes.slice(-notesMax), fileName);
  } finally {
    await lock.release();
  }
}

/** Whether a file of that size is there still; nothing of it is read. */
export async function isThere({ file, bytes }: SavedSnapshotNote): Promise<boolean> {
  const status = await stat(file).catch(() => undefined);
  return status?.isFile() === true && status.size === bytes;
}
