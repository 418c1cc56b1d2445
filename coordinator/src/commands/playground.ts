/** `coordinator playground up|status|down|demo`. */
import { rm } from 'node:fs/promises';
import { readAdminCredentials } from '../authority.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import { findEtcd } from '../playground/etcd-binary.js';
import { onInterruption, settled, untilAborted } from '../playground/interruption.js';
import { layout, playgroundDir, readMark, runningAgents } from '../playground/layout.js';
import { down, up } from '../playground/playground.js';
import type { Progress } from '../progress.js';
import { nodesMax } from '../topology/schema.js';
import { status } from './status.js';

export interface PlaygroundFlags {
  readonly dir: string | undefined;
  readonly nodes: number;
  readonly etcd: string | undefined;
  readonly detach: boolean;
}

export async function playgroundUp(
  progress: Progress,
  flags: PlaygroundFlags,
  show: (view: View) => void,
): Promise<View> {
  if (flags.nodes < 1 || flags.nodes > nodesMax) {
    throw new Failure({ exit: 'usage', what: `--nodes ${flags.nodes} is not between 1 and ${nodesMax}` });
  }
  const dir = playgroundDir(flags.dir);
  const before = await readMark(layout(dir));
  // Ctrl-C takes away what this very run made; what was there before keeps its data.
  const keep = before !== undefined;
  const interruption = onInterruption();
  const coming = comeUp(dir, untilAborted(progress, interruption.signal), flags);
  const view = await Promise.race([coming, interruption.happened]).catch((error: unknown) => {
    if (!interruption.signal.aborted) throw error;
  });
  if (!view) {
    await settled(coming);
    const leave = before === undefined ? new Set<string>() : new Set((await runningAgents(before)).keys());
    throw await stopHalfUp(dir, progress, { remove: !keep && !flags.detach, leave, coming });
  }
  if (flags.detach) {
    return { ...view, notes: [...view.notes, `      coordinator playground down --dir ${dir}`] };
  }
  const ending = keep ? 'Ctrl-C stops it and keeps its data.' : 'Ctrl-C stops and removes it.';
  show({ ...view, notes: [...view.notes, ending] });
  // A timer keeps the process alive: nothing else of it runs any more.
  const alive = setInterval(() => {}, 60_000);
  await interruption.happened;
  clearInterval(alive);
  const { table, notes = [] } = await playgroundDown(progress, { dir, keep });
  // One document has been printed already; there is only one.
  return {
    document: undefined,
    table: undefined,
    notes: [...(table === undefined ? [] : [table]), ...notes],
  };
}

async function comeUp(dir: string, progress: Progress, flags: PlaygroundFlags) {
  const cluster = await up({ dir, nodes: flags.nodes, etcd: findEtcd(flags.etcd), progress });
  const seen = await viewCluster(cluster.places, await readAdminCredentials(cluster.state));
  const members = memberRows(cluster.places, seen);
  const state = layout(dir).state;
  return {
    document: { kind: 'Playground', dir, state, members },
    table: [memberTable(members), '', ...seen.endpoints.map(healthLine)].join('\n'),
    notes: [
      `next: eval "$(coordinator --state ${state} env)"; etcdctl member list`,
      `      coordinator --state ${state} status`,
    ],
  };
}

/** Stops what an interrupted `up` has started; agents that ran before it go on. Returns what to tell. */
async function stopHalfUp(
  dir: string,
  progress: Progress,
  options: {
    readonly remove: boolean;
    readonly leave: ReadonlySet<string>;
    readonly coming: Promise<unknown>;
  },
): Promise<Failure> {
  const { remove, leave, coming } = options;
  // Without a mark nothing was started and nothing written.
  if ((await readMark(layout(dir))) !== undefined) await down(dir, progress, { remove, leave });
  if (remove) {
    // A phase that was slow to end may have written once more.
    await settled(coming);
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    return new Failure({ exit: 'interrupted', what: 'interrupted; everything was stopped and removed' });
  }
  return new Failure({
    exit: 'interrupted',
    what: `interrupted; what was started was stopped, ${dir} is kept`,
    next: `coordinator playground up --dir ${dir} goes on, coordinator playground down --dir ${dir} removes it`,
  });
}

export async function playgroundStatus(progress: Progress, dirFlag: string | undefined): Promise<View> {
  const dir = playgroundDir(dirFlag);
  const mark = await readMark(layout(dir));
  if (mark === undefined) {
    throw new Failure({
      exit: 'failed',
      what: `there is no playground in ${dir}`,
      next: 'coordinator playground up, or name it with --dir',
    });
  }
  const agents = await runningAgents(mark);
  const view = await status({ stateDir: layout(dir).state, progress });
  const dead = mark.nodes.filter(({ name }) => !agents.has(name)).map(({ name }) => name);
  return {
    ...view,
    document: { ...view.document, kind: 'PlaygroundStatus', dir },
    notes: [
      ...(view.notes ?? []),
      ...(dead.length === 0
        ? []
        : [`agents that do not run: ${dead.join(', ')}; next: coordinator playground up --dir ${dir}`]),
    ],
  };
}

export async function playgroundDown(
  progress: Progress,
  flags: { readonly dir: string | undefined; readonly keep: boolean },
): Promise<View> {
  const dir = playgroundDir(flags.dir);
  const { stopped } = await down(dir, progress, { remove: !flags.keep });
  return {
    document: { kind: 'PlaygroundDown', dir, stopped, removed: !flags.keep },
    table: flags.keep
      ? `Stopped ${stopped} nodes; ${dir} is kept.`
      : `Stopped ${stopped} nodes and removed ${dir}.`,
    ...(flags.keep
      ? { notes: [`next: coordinator playground up --dir ${dir} goes on with the same data`] }
      : {}),
  };
}
