/** Snapshots that this host keeps: what a coordinator may ask for. */
import type { AgentMethods, Handlers } from '@etcd-agent/protocol';
import type { CallContext } from './handlers.js';

type SnapshotMethods = Pick<AgentMethods, Extract<keyof AgentMethods, `snapshot.${string}`>>;

export const snapshotHandlers: Handlers<SnapshotMethods, CallContext> = {
  async 'snapshot.list'(_params, { snapshots, schedule }) {
    return { ...(await snapshots.list()), schedule: await schedule.view() };
  },
  'snapshot.begin': (file, { snapshots }) => snapshots.begin(file),
  'snapshot.piece': (piece, { snapshots }) => snapshots.piece(piece),
  'snapshot.verify': ({ sha256, trial }, { snapshots }) => snapshots.verify(sha256, trial),
  'snapshot.ofDatabase': (_params, { snapshots }) => snapshots.ofDatabase(),
  'snapshot.read': ({ sha256, offset }, { snapshots }) => snapshots.read(sha256, offset),
  'snapshot.forget': ({ sha256 }, { snapshots }) => snapshots.forget(sha256),
};
