/** `coordinator snapshot save`: the data of the cluster into a file of this host. */
import { finishedRecord } from '../cluster/finished.js';
import { openCluster } from '../cluster/open-cluster.js';
import { recorded } from '../operation.js';
import { savedLines } from '../output/snapshots.js';
import type { View } from '../output/view.js';
import { takeSnapshot, verifyTaken } from '../snapshots/take-snapshot.js';
import type { CommandContext } from './context.js';

export interface SaveFlags {
  readonly file: string | undefined;
  readonly from: string | undefined;
  readonly verify: boolean;
}

export async function snapshotSave({ stateDir, progress }: CommandContext, flags: SaveFlags): Promise<View> {
  const cluster = await openCluster(stateDir);
  await finishedRecord(cluster);
  const plan = [
    `save a snapshot ${flags.from === undefined ? 'from the member that it costs least' : `from ${flags.from}`}`,
    ...(flags.verify ? ['restore it on trial on an agent'] : []),
  ];
  const taken = await recorded(
    cluster.state,
    { action: 'snapshot save', plan },
    async (operation) => {
      const what = { file: flags.file, from: flags.from, directory: process.cwd() };
      const saved = await operation.step('save', () =>
        untilInterrupted((signal) => takeSnapshot(cluster, { ...what, signal }, progress)),
      );
      return flags.verify ? operation.step('verify', () => verifyTaken(cluster, saved, progress)) : saved;
    },
    ({ file, node, revision, keys, bytes, sha256 }) => ({ file, node, revision, keys, bytes, sha256 }),
  );
  const { source, ...snapshot } = taken;
  const outOfTouch = source.role === 'out of touch';
  return {
    document: { kind: 'Snapshot', ...snapshot, role: source.role },
    table: savedLines(taken),
    exit: outOfTouch ? 'degraded' : 'ok',
    notes: [
      ...(outOfTouch
        ? [`warning: ${source.name} has lost touch with the others: writes since then are not in it`]
        : []),
      ...(flags.verify ? [] : [`next: coordinator snapshot verify ${taken.file}`]),
    ],
  };
}

/** Ctrl-C ends what `act` does and lets it clean up; a second one, or one afterwards, ends the process. */
async function untilInterrupted<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const abort = () => interruption.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, abort);
  try {
    return await act(interruption.signal);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, abort);
  }
}
