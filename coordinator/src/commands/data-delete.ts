/** `coordinator data delete PREFIX...`: counts, saves, asks, deletes, and says how to undo it. */
import { EtcdError } from '@etcd-agent/etcd';
import { systemClock } from '@etcd-agent/platform';
import { etcdFailure } from '../cluster/etcd-failure.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import { countIn, DeletionError, deleteKeys } from '../data/delete-keys.js';
import type { KeyReach } from '../data/key-reach.js';
import { keyOf } from '../data/key-text.js';
import { openKeys } from '../data/open-keys.js';
import { type Preset, presets, rangesOf, refusalOf } from '../data/plan/what-to-delete.js';
import { pageBytesMax } from '../data/walk-keys.js';
import { Failure } from '../failure.js';
import { beginOperation, type Operation } from '../operation.js';
import {
  countTable,
  deletedView,
  type PrefixCount,
  plannedView,
  type SavedBefore,
  undoNotes,
} from '../output/deletion.js';
import type { View } from '../output/view.js';
import { takeSnapshot, verifyTaken } from '../snapshots/take-snapshot.js';
import { confirmName } from './confirm-name.js';
import { type CommandContext, canAsk } from './context.js';

export interface DeleteFlags {
  readonly prefixes: readonly string[];
  readonly preset: Preset | undefined;
  /** Where the snapshot goes; undefined: a name that says what it is, in the current directory. */
  readonly snapshot: string | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly confirm: string | undefined;
}

export async function dataDelete(context: CommandContext, flags: DeleteFlags): Promise<View> {
  const { stateDir } = context;
  const prefixes = [...flags.prefixes, ...(flags.preset === undefined ? [] : presets[flags.preset])];
  const why = refusalOf(prefixes.map(keyOf));
  if (why !== undefined)
    throw new Failure({
      exit: 'usage',
      what: why,
      next: 'coordinator data list; coordinator data delete PREFIX...',
    });
  const cluster = await openCluster(stateDir);
  const reach = await openKeys(stateDir, pageBytesMax);
  const command = `coordinator data delete ${prefixes.map(quoted).join(' ')}`;
  try {
    const counts = await countEach(reach, prefixes);
    if (flags.dryRun) return plannedView(counts, command);
    if (counts.every(({ keys }) => keys === 0)) return nothingThere(counts);
    return await change({ ...context, cluster, reach, prefixes, counts, command, flags });
  } finally {
    reach.close();
  }
}

interface Change extends CommandContext {
  readonly cluster: Cluster;
  readonly reach: KeyReach;
  readonly prefixes: readonly string[];
  readonly counts: readonly PrefixCount[];
  readonly command: string;
  readonly flags: DeleteFlags;
}

async function change(all: Change): Promise<View> {
  const { cluster, counts, command, flags } = all;
  const { name } = cluster.topology;
  const confirm = () =>
    confirmName({
      question: `${countTable(counts)}\nThese keys of ${name} will be deleted.`,
      name,
      yes: flags.yes,
      confirm: flags.confirm,
      command,
    });
  // Who is not there to be asked has said it already, or is told so before the snapshot, which takes its time.
  const asksLater = !flags.yes && canAsk();
  if (!asksLater) await confirm();
  const operation = await beginOperation(cluster.state, {
    action: 'data delete',
    plan: [
      'save a snapshot',
      'restore it on trial',
      ...counts.map(({ prefix, keys }) => `delete ${keys} keys below ${prefix}`),
    ],
    before: { counts },
    resume: command,
  });
  try {
    return await carryOut(all, operation, asksLater ? confirm : async () => {});
  } catch (error) {
    await operation.fail(error);
    throw error;
  }
}

async function carryOut(all: Change, operation: Operation, confirm: () => Promise<void>): Promise<View> {
  const { cluster, reach, prefixes, counts, command, flags, progress } = all;
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
  const { signal } = interruption;
  const what = { file: flags.snapshot, directory: process.cwd(), from: undefined, signal };
  const saved = await operation.step('save a snapshot', () => takeSnapshot(cluster, what, progress));
  await operation.step('restore it on trial', () => verifyTaken(cluster, saved, progress));
  for (const line of undoNotes(saved)) process.stderr.write(`${line}\n`);
  if (signal.aborted)
    throw new Failure({ exit: 'interrupted', what: 'interrupted; nothing was deleted', next: command });
  await confirm();
  const lock = await cluster.state.lock('coordinator data delete');
  try {
    const began = performance.now();
    const total = counts.reduce((sum, { keys }) => sum + keys, 0);
    const end = await operation.step('delete', () =>
      progress.phase('Delete the keys', ({ note }) => {
        const onProgress = onceASecond((deleted) => note(`${deleted} of ${total} keys`));
        const ranges = rangesOf(prefixes.map(keyOf));
        return deleteKeys({ ranges, reach, clock: systemClock, onProgress, signal });
      }),
    );
    const seconds = (performance.now() - began) / 1_000;
    await operation.end(end.left === 0 ? 'ok' : 'failed', { ...end, snapshot: saved.file });
    return deletedView(counts, saved, end, { command, seconds });
  } catch (error) {
    if (error instanceof DeletionError) throw cutShort(error, saved, command);
    throw error;
  } finally {
    await lock.release();
  }
}

function cutShort({ cause, deleted }: DeletionError, saved: SavedBefore, command: string): Failure {
  const next = [`${command}  goes on with what is left`, ...undoNotes(saved)].join('\n');
  const { parts } = etcdFailure(cause, `the deletion stopped after ${deleted} keys`, next);
  return new Failure({ ...parts, next }, { cause });
}

/** Each prefix on its own: keys below two of them are in both counts. */
async function countEach(reach: KeyReach, prefixes: readonly string[]): Promise<PrefixCount[]> {
  const counts: PrefixCount[] = [];
  try {
    for (const prefix of prefixes)
      counts.push({ prefix, keys: await countIn(rangesOf([keyOf(prefix)]), reach) });
    return counts;
  } catch (error) {
    if (error instanceof EtcdError)
      throw etcdFailure(error, 'the keys could not be counted', 'coordinator status');
    throw error;
  }
}

function nothingThere(counts: readonly PrefixCount[]): View {
  return {
    document: { kind: 'DataDelete', outcome: 'nothing', counts },
    table: countTable(counts),
    notes: ['there is nothing to delete'],
  };
}

function onceASecond(act: (value: number) => void): (value: number) => void {
  let lastMs = performance.now();
  return (value) => {
    if (performance.now() - lastMs < 1_000) return;
    lastMs = performance.now();
    act(value);
  };
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w/.:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
