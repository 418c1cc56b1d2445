/**
 * The agent as a whole: the caretaker of this host's etcd, and the door through which coordinators and peers ask.
 */
import { agentMethods, type MemberSpec, serveOver } from '@etcd-agent/protocol';
import { startCaretaker } from './caretaker.js';
import { type Caller, type Door, openDoor } from './door.js';
import type { AgentHost } from './host.js';
import { Installer } from './install/installer.js';
import type { AgentSelf } from './observe.js';
import { refreshUnit } from './refresh-unit.js';
import { type CallContext, handlers } from './rpc/handlers.js';
import { Preflight } from './rpc/preflight.js';
import { SnapshotSchedule } from './snapshots/schedule.js';
import { Snapshots } from './snapshots/snapshots.js';
import type { LoopTurn } from './standstill.js';
import { statusLine } from './status-line.js';
import { version } from './version.js';

export interface Agent {
  readonly port: number;
  readonly door: Door;
  /** How this node is, for people: one line. */
  statusLine(): string;
  /** When each loop last came round. */
  turns(): readonly LoopTurn[];
  /** Ends the door and the loops, and lets go of etcd. */
  close(): Promise<void>;
}

export async function startAgent(host: AgentHost): Promise<Agent> {
  const { store, clock, log } = host;
  const startedAt = clock.now();
  let identity = await store.identity();

  // Everything on disk is read before the port opens: what cannot be understood must not leave half an agent listening.
  const spec = await store.spec();
  await store.dataDirRecord();
  await host.heal.read();
  await host.heal.journal();
  await refreshUnit(host);
  const caretaker = await startCaretaker(host, () => identity);
  const door = await openDoor(host, identity, caretaker.alone, {
    serve: (caller) => serve(caller),
    onEnrolled: (enrolled) => {
      identity = enrolled;
    },
  }).catch(async (error: unknown) => {
    await caretaker.close();
    throw error;
  });
  const installer = new Installer(host, caretaker.alone);
  void installer.afterStart();
  const snapshots = new Snapshots(host);
  void snapshots.afterStart();
  const schedule = new SnapshotSchedule(host, caretaker.healer, snapshots);
  schedule.start();
  if (spec !== undefined) trustPeersOf(spec);
  return {
    port: door.port,
    door,
    statusLine: () => statusLine({ identity, seen: caretaker.healer.seen(), waiting: caretaker.waiting() }),
    turns: () => caretaker.turns(),
    async close() {
      await door.close();
      await schedule.close();
      await caretaker.close();
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
      caretaker,
      preflight: new Preflight(host, caller.channel),
      installer,
      snapshots,
      schedule,
      onSpec: (applied) => {
        trustPeersOf(applied);
        caretaker.healer.wake();
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
}
