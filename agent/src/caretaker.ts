/**
 * Everything that an agent does by itself, without its door: the loop over local files, and the healing loop. It never stops
 * etcd because it stops itself.
 */
import { execute } from './execute.js';
import { Healer, type HealParts, healParts } from './heal/healer.js';
import type { AgentHost } from './host.js';
import { type LocalView, observeLocal } from './observe.js';
import { type Alone, oneAtATime } from './one-at-a-time.js';
import type { Local } from './plan/local.js';
import { plan, type Waiting } from './plan/plan.js';
import type { LoopTurn } from './standstill.js';
import type { StoredIdentity } from './store.js';

/** Between two looks at local files while nothing happens. */
const idleMs = 1_000;
/** Between two looks after a start, until the WAL is there. */
const busyMs = 100;
/** How long after a start the short period lasts at most, and a first start that dies may be tried again. */
const busyForMs = 60_000;

export interface Caretaker {
  readonly alone: Alone;
  readonly healer: Healer;
  /** What the rules over local files wait for. */
  waiting(): readonly Waiting[];
  /** Something was started: look often for a while. */
  onStart(): void;
  /** When each loop last came round. */
  turns(): readonly LoopTurn[];
  close(): Promise<void>;
}

export type Identity = () => StoredIdentity | undefined;

/** Begins both loops. */
export async function startCaretaker(
  host: AgentHost,
  identity: Identity,
  parts: HealParts = healParts,
): Promise<Caretaker> {
  const { clock, log, services } = host;
  let closing = false;
  const alone = oneAtATime();
  let waiting: readonly Waiting[] = [];
  let busyUntilMs = 0;
  let turnedMs = clock.monotonicMs();
  let wake = new AbortController();
  let dataWasThere = true;
  let etcdRan = true;
  const onStart = () => {
    busyUntilMs = clock.monotonicMs() + busyForMs;
    wake.abort();
  };

  await noteUncheckedDisk(host);
  const healer = await Healer.open(host, identity, alone, onStart, parts);
  const looping = loop();
  healer.start();
  return {
    alone,
    healer,
    waiting: () => waiting,
    onStart,
    turns: () => [
      { loop: 'local files', turnedMs },
      { loop: 'healing', turnedMs: healer.turnedMs },
    ],
    async close() {
      closing = true;
      wake.abort();
      await healer.close();
      await looping;
      await services.close();
    },
  };

  async function loop(): Promise<void> {
    while (!closing) {
      if (wake.signal.aborted) wake = new AbortController();
      turnedMs = clock.monotonicMs();
      try {
        await alone(tick);
      } catch (error) {
        log.error({ err: error }, 'a look at this host failed');
      }
      const busy = clock.monotonicMs() < busyUntilMs;
      await clock.sleep(busy ? busyMs : idleMs, wake.signal).catch(() => {});
    }
  }

  /**
   * An etcd that somebody stopped may be started again on another disk: a backup, say. Whoever starts it then is refused by the
   * unit, and this agent looks first, a pause or not.
   */
  async function withdrawClearance(seen: string): Promise<void> {
    const isStopped = (service: string) => service === 'inactive' || service === 'failed';
    if (!isStopped(seen) || clock.monotonicMs() < busyUntilMs) return;
    if (!(await host.files.exists(host.paths.clearance))) return;
    // Somebody may have started it since, and one that runs needs it: without it systemd would not start it again at once.
    if (isStopped((await services.observe()).kind)) await host.files.remove(host.paths.clearance);
  }

  async function tick(): Promise<void> {
    const view = await observeLocal(host, () => services.glance());
    const local = narrow(view, clock.monotonicMs() < busyUntilMs);
    const decided = plan(local);
    for (const step of decided.steps) {
      await execute(host, step);
      log.info({ step }, 'done');
    }
    waiting = decided.waiting;
    await withdrawClearance(view.service.kind);
    if (local.dataDir.hasWal && decided.steps.length === 0) busyUntilMs = 0;
    // Data that goes under a running etcd shows here first: nothing else tells of it.
    if (dataWasThere && !local.dataDir.hasWal) healer.wake();
    dataWasThere = local.dataDir.hasWal;
    // systemd does not tell of it; the agent's own supervisor has, by now.
    const etcdRuns = view.service.kind === 'active' || view.service.kind === 'activating';
    if (etcdRan && !etcdRuns) healer.wake();
    etcdRan = etcdRuns;
  }
}

/**
 * An etcd that does not run when its agent begins ended while nobody watched, or the host has booted: its disk may be an
 * older one, so nobody starts it before that was looked at.
 */
async function noteUncheckedDisk({ services, files, paths }: AgentHost): Promise<void> {
  const { kind } = await services.observe();
  const runs = kind === 'active' || kind === 'activating' || kind === 'deactivating' || kind === 'restarting';
  if (!runs) await files.remove(paths.clearance);
}

function narrow(view: LocalView, startIsRecent: boolean): Local {
  const { service, dataDir, conf } = view;
  return {
    hasSpec: view.spec !== undefined,
    isHeld: view.spec?.hold !== undefined,
    dataDir: { kind: dataDir.kind, hasWal: dataDir.kind === 'ours' && dataDir.wal.kind === 'present' },
    stage: view.dataDirStage,
    confState: conf.kind === 'present' ? conf.initialClusterState : undefined,
    permit: view.permit,
    etcdMoves:
      service.kind === 'active' ||
      service.kind === 'activating' ||
      (service.kind === 'restarting' && startIsRecent),
  };
}
