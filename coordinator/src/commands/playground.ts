/** `coordinator playground up|status|down|demo`. */
import { readAdminCredentials } from '../authority.js';
import { viewCluster } from '../cluster/probe-members.js';
import { Failure } from '../failure.js';
import { healthLine } from '../output/health-line.js';
import { memberRows, memberTable } from '../output/members.js';
import type { View } from '../output/view.js';
import { findEtcd } from '../playground/etcd-binary.js';
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
  const cluster = await up({ dir, nodes: flags.nodes, etcd: findEtcd(flags.etcd), progress });
  const seen = await viewCluster(cluster.places, await readAdminCredentials(cluster.state));
  const members = memberRows(cluster.places, seen);
  const state = layout(dir).state;
  const view: View = {
    document: { kind: 'Playground', dir, state, members },
    table: [memberTable(members), '', ...seen.endpoints.map(healthLine)].join('\n'),
    notes: [
      `next: eval "$(coordinator --state ${state} env)"; etcdctl member list`,
      `      coordinator --state ${state} status`,
      ...(flags.detach
        ? [`      coordinator playground down --dir ${dir}`]
        : ['Ctrl-C stops and removes it.']),
    ],
  };
  if (flags.detach) return view;
  show(view);
  await new Promise<void>((resolve) => {
    // A timer keeps the process alive: nothing else of it runs any more.
    const alive = setInterval(() => {}, 60_000);
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
  return playgroundDown(progress, { dir, keep: false });
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
