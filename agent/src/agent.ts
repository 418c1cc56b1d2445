/**
 * The agent as a whole: the door, and the loop observe -> plan -> execute. It never stops etcd because it stops itself.
 */
import { agentMethods, type MemberSpec, serveOver } from '@etcd-agent/protocol';
import { type Caller, type Door, openDoor } from './door.js';
import { execute } from './execute.js';
import type { AgentHost } from './host.js';
import { type AgentSelf, type LocalView, observeLocal } from './observe.js';
import { oneAtATime } from './one-at-a-time.js';
import type { Local } from './plan/local.js';
import { plan, type Waiting } from './plan/plan.js';
import { type CallContext, handlers } from './rpc/handlers.js';
import { Preflight } from './rpc/preflight.js';
import { version } from './version.js';

/** Between two looks while nothing happens; a look is a few local files. */
const idleMs = 2_000;
/** Between two looks after a start, until the WAL is there. */
const busyMs = 100;
/** How long after a start the short period lasts at most, and a first start that dies may be tried again. */
const busyForMs = 60_000;

export interface Agent {
  readonly port: number;
  readonly door: Door;
  /** Ends the door and the loop, and lets go of etcd. */
  close(): Promise<void>;
}

export async function startAgent(host: AgentHost): Promise<Agent> {
  const { store, clock, log } = host;
  const startedAt = clock.now();
  const stop = new AbortController();
  let identity = await store.identity();
  let waiting: readonly Waiting[] = [];
  let busyUntilMs = 0;
  let wake = new AbortController();
  const alone = oneAtATime();

  // Everything on disk is read before the port opens: what cannot be understood must not leave half an agent listening.
  const spec = await store.spec();
  await store.dataDirRecord();
  const door = await openDoor(host, identity, alone, {
    serve: (caller) => serve(caller),
    onEnrolled: (enrolled) => {
      identity = enrolled;
    },
  });
  if (spec !== undefined) trustPeersOf(spec);

  const looping = loop();
  return {
    port: door.port,
    door,
    async close() {
      stop.abort(new Error('the agent is stopping'));
      await door.close();
      await looping;
      await host.services.close();
    },
  };

  function serve(caller: Caller): void {
    if (identity === undefined) return;
    const self: AgentSelf = { node: identity.node, version, startedAt };
    const context: CallContext = {
      host,
      self,
      identity,
      caller,
      preflight: new Preflight(host, caller.channel),
      waiting: () => waiting,
      alone,
      onSpec: trustPeersOf,
      onStart: () => {
        busyUntilMs = clock.monotonicMs() + busyForMs;
        wake.abort();
      },
    };
    const callLog = log.child({
      caller: `${caller.role} ${caller.name}`,
      from: caller.channel.remoteAddress,
    });
    callLog.debug('link opened');
    serveOver(caller.channel, agentMethods, caller.role, handlers, context, {
      onRefused: (method, kind) => callLog.warn({ method, kind }, 'call refused'),
      onError: (method, error) => callLog.error({ method, err: error }, 'call failed'),
    });
  }

  function trustPeersOf({ agents }: MemberSpec): void {
    door.trustPeers(new Map(agents.map((agent) => [agent.name, agent.certificateSha256])));
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await alone(tick);
      } catch (error) {
        log.error({ err: error }, 'a look at this host failed');
      }
      const busy = clock.monotonicMs() < busyUntilMs;
      wake = new AbortController();
      await clock.sleep(busy ? busyMs : idleMs, AbortSignal.any([stop.signal, wake.signal])).catch(() => {});
    }
  }

  async function tick(): Promise<void> {
    const local = narrow(await observeLocal(host), clock.monotonicMs() < busyUntilMs);
    const decided = plan(local);
    for (const step of decided.steps) {
      await execute(host, step);
      log.info({ step }, 'done');
    }
    waiting = decided.waiting;
    if (local.dataDir.hasWal && decided.steps.length === 0) busyUntilMs = 0;
  }
}

function narrow(view: LocalView, startIsRecent: boolean): Local {
  const { service, dataDir, conf } = view;
  return {
    hasSpec: view.spec !== undefined,
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
