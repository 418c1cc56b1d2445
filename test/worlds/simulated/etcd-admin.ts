/**
 * {@link EtcdAdmin} over the simulated network: what a client of one endpoint sees, with everything that can come between
 * the two. What the asked member does with a call is in etcd-service.ts.
 */
import { type Alarm, type EtcdAdmin, EtcdError, type Member } from '@etcd-agent/etcd';
import type { Refusal } from './etcd-apply.js';
import type { SimEtcd } from './etcd-process.js';
import * as service from './etcd-service.js';
import type { EtcdWorld } from './etcd-world.js';

/** etcd's own limit for one request, where the client waits longer. */
const serverMsMax = 7_000;

export interface ClientPlace {
  readonly node: string;
  readonly endpoint: string;
  readonly deadlineMs: number;
  readonly deliver: (resume: () => void) => void;
}

export function simulatedAdmin(world: EtcdWorld, place: ClientPlace): EtcdAdmin {
  const { endpoint, node, deliver } = place;
  const host = world.hostOf(endpoint);
  let closed = false;
  /** The process that the connection leads to. */
  let connectedTo: number | undefined;

  function call<T>(run: service.Call<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { clock, network } = world;
      let settled = false;
      let server: SimEtcd | undefined;
      const settle = (act: () => void) => {
        if (settled) return;
        settled = true;
        cancelDeadline();
        server?.connections.delete(broken);
        deliver(act);
      };
      const fail = ({ kind, message }: Refusal) =>
        settle(() => reject(new EtcdError(kind, endpoint, message)));
      /** The way back: what is sent while the network is cut is lost. */
      const back = (act: () => void) => {
        if (!settled && network.reach(host, node)) clock.after(network.delayMs(host, node), act);
      };
      const broken = () => {
        connectedTo = undefined;
        back(() => fail(connectionLost));
      };
      const waitMs = Math.min(place.deadlineMs, serverMsMax);
      const untilMs = clock.nowMs + waitMs;
      const cancelDeadline = clock.after(waitMs, () =>
        fail(connectedTo === undefined ? neverConnected : timedOut),
      );
      if (closed) {
        clock.after(0, () => fail({ kind: 'unreachable', message: 'the client is closed' }));
        return;
      }
      if (!network.reach(node, host) || (connectedTo === undefined && !network.reach(host, node))) return;
      clock.quietlyAfter(network.delayMs(node, host), () => {
        server = world.atClientURL(endpoint);
        if (server === undefined) {
          connectedTo = undefined;
          back(() => fail(refusedConnection));
          return;
        }
        if (connectedTo !== server.pid) connectedTo = undefined;
        const found = server;
        found.connections.add(broken);
        found.whenReady(() => {
          if (settled) return;
          connectedTo = found.pid;
          const answered = (answer: service.Answer<T>) => {
            if (answer.kind === 'refused') back(() => fail(answer.refusal));
            else back(() => settle(() => resolve(answer.value)));
          };
          run(found, answered, untilMs);
        });
      });
    });
  }

  return {
    endpoint,
    status: () => call(service.status),
    memberList: ({ linearizable }) => call(service.memberList(linearizable)),
    put: (key, value) => call(service.propose({ kind: 'put', key, value }, () => undefined)),
    get: (key) => call(service.get(key)),
    delete: (key) =>
      call(
        service.propose({ kind: 'delete', key }, (outcome) => ({
          deleted: outcome.kind === 'deleted' ? outcome.count : 0,
        })),
      ),
    linearizableRead: async () => {
      const startedMs = world.clock.nowMs;
      await call(service.get('health'));
      return { tookMs: world.clock.nowMs - startedMs };
    },
    alarms: () =>
      call(service.propose({ kind: 'nothing' }, (_, server): Alarm[] => [...server.disk!.applied.alarms])),
    disarm: (alarm) => call(service.disarm(alarm)),
    memberAdd: (peerURLs, role: Member['role']) => call(service.memberAdd(peerURLs, role)),
    memberRemove: (id) => call(service.memberRemove(id)),
    memberPromote: (id) => call(service.memberPromote(id)),
    moveLeader: (to) => call(service.moveLeader(to)),
    hashKV: (revision) => call(service.hashKV(revision)),
    lock: async (key, owner, ttlSeconds) => {
      const { lease, taken } = await call(service.lock(key, owner, ttlSeconds));
      if (taken.kind === 'busy') return { kind: 'busy', owner: taken.owner };
      const release = () => call(service.propose({ kind: 'revoke', lease }, () => undefined));
      return { kind: 'held', release };
    },
    close: () => {
      closed = true;
    },
  };
}

const neverConnected: Refusal = { kind: 'unreachable', message: '4 DEADLINE_EXCEEDED: Deadline exceeded' };
const timedOut: Refusal = {
  kind: 'deadline',
  message: '4 DEADLINE_EXCEEDED: Deadline exceeded, remote_addr known',
};
const refusedConnection: Refusal = { kind: 'unreachable', message: '14 UNAVAILABLE: connect ECONNREFUSED' };
const connectionLost: Refusal = { kind: 'unreachable', message: '14 UNAVAILABLE: Connection dropped' };
