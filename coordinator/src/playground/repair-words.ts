/** An agent's events as a person would tell them. Pure. */
import type { AgentEvent } from '@etcd-agent/protocol';

/** Steps that are told when they are decided, with their reason. */
const decided: Readonly<Record<string, string>> = {
  beginRepair: 'takes its member out of the cluster and in again',
  abandonRepair: 'gives the repair up',
  startEtcd: 'starts etcd',
  restartEtcd: 'restarts etcd',
  takeBack: 'takes its new entry back',
  restoreFiles: 'writes the files of etcd again',
};

/** Steps that are told when they are done. */
const done: Readonly<Record<string, string>> = {
  moveLeader: 'the leadership is handed over',
  stopEtcd: 'etcd is stopped',
  removeMember: 'the old entry is out of the member list',
  quarantineData: 'what is left of its data is moved aside',
  addMember: 'a new entry is in the member list',
  adoptEntry: 'an entry that was waiting is taken',
  startJoin: 'etcd is started empty under the new id',
  promote: 'it has caught up and votes again',
  finishRepair: 'a write through it went well: the repair is over',
  restartEtcd: 'etcd was restarted',
};

/** One sentence, without the node's name; undefined for what tells nothing new. */
export function repairWords({ kind, message }: AgentEvent): string | undefined {
  const [, step = message, why = ''] = /^(\w+)(?:: (.*))?$/s.exec(message) ?? [];
  switch (kind) {
    case 'decided':
      return decided[step] === undefined ? undefined : `${decided[step]}: ${why}`;
    case 'done':
      return done[step];
    case 'failed':
      // Data that goes away while it is read: the next look sees that it is gone.
      return step === 'checkDisk' ? undefined : `tries again: ${message}`;
    case 'waiting':
      return `waits: ${message}`;
    case 'operator':
      return message;
    case 'started':
      return 'its agent has started';
  }
}
