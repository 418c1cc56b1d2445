/** What a person is told where etcd itself refuses, or does not answer, what a command asked of it. */
import type { EtcdError, EtcdErrorKind } from '@etcd-agent/etcd';
import { type ExitName, Failure } from '../failure.js';

/** `what` failed, such as "the keys cannot be listed"; `next` where the error itself has no better advice. */
export function etcdFailure(error: EtcdError, what: string, next: string): Failure {
  const told = words[error.kind];
  return new Failure(
    {
      exit: told?.exit ?? 'failed',
      what,
      where: [error.message],
      ...(told?.cause === undefined ? {} : { cause: told.cause }),
      next: told?.next ?? next,
    },
    { cause: error },
  );
}

interface Words {
  readonly exit: ExitName;
  readonly cause: string;
  readonly next?: string;
}

const words: Partial<Record<EtcdErrorKind, Words>> = {
  unreachable: { exit: 'unreachable', cause: 'no member could be reached for that long' },
  deadline: { exit: 'unreachable', cause: 'etcd did not answer in time' },
  noLeader: { exit: 'noQuorum', cause: 'the members have no leader: a quorum of them is missing' },
  permissionDenied: {
    exit: 'identity',
    cause:
      "etcd's access control is on, and does not allow it to the user that the operator's certificate names",
    next: 'eval "$(coordinator env)"; etcdctl user grant-role USER root, as the root user of etcd',
  },
  alarmed: {
    exit: 'failed',
    cause: 'an alarm is armed: etcd takes no writes',
    next: 'coordinator alarm list',
  },
  tls: { exit: 'identity', cause: 'the certificates do not fit' },
};
