/**
 * Where our etcd.conf departs from the runbook's, variable by variable, and why. A test renders the runbook's own first
 * member and fails when a difference has no reason here, or a reason has no difference any more.
 */

/** Which side has the variable, or that both have it with different values. */
export interface RunbookDifference {
  readonly how: 'onlyRunbook' | 'onlyOurs' | 'otherValue';
  readonly why: string;
}

/** Differences on every etcd version. */
const always: Readonly<Record<string, RunbookDifference>> = {
  ETCD_LISTEN_CLIENT_URLS: {
    how: 'otherValue',
    why: 'the runbook also listens on http://localhost:2379, where any local user is root of the store; ours is TLS only',
  },
  ETCD_INITIAL_CLUSTER_TOKEN: {
    how: 'otherValue',
    why: 'a fixed token gives a second cluster on the same URLs the same ids as the first; ours is random per bootstrap',
  },
  ETCD_AUTO_TLS: {
    how: 'onlyRunbook',
    why: 'self-made certificates are for when none are given; beside explicit ones the setting means nothing',
  },
  ETCD_PEER_AUTO_TLS: { how: 'onlyRunbook', why: 'as ETCD_AUTO_TLS, for the peer port' },
  ETCD_PEER_CERT_FILE: {
    how: 'otherValue',
    why: 'the runbook shares one certificate between both ports and all hosts; ours has its own for the peer port',
  },
  ETCD_PEER_KEY_FILE: { how: 'otherValue', why: 'the key of the peer certificate, made on its own host' },
  ETCD_PEER_TRUSTED_CA_FILE: {
    how: 'otherValue',
    why: "a separate CA for peers, so that an application's client certificate cannot act as a member",
  },
};

/** Differences that only some versions have, by minor. */
const byMinor: Readonly<Record<string, Readonly<Record<string, RunbookDifference>>>> = {
  '3.4': {
    ETCD_PRE_VOTE: {
      how: 'onlyOurs',
      why: 'a member that was cut off must not force an election when it returns',
    },
    ETCD_LOGGER: { how: 'onlyOurs', why: 'structured logs; the default of 3.4 is a logger that 3.5 removed' },
  },
};

const logOutputs: RunbookDifference = {
  how: 'onlyOurs',
  why: 'logs go to stderr whoever starts etcd, so that the agent and the journal see the same',
};
const corruptCheck: RunbookDifference = {
  how: 'onlyOurs',
  why: "data is compared with the other members' before it is served",
};

/** Every difference from the runbook's file for one minor ("3.4"): variable to what differs and why. */
export function differences(minor: string): Readonly<Record<string, RunbookDifference>> {
  const from34 = minor === '3.3' ? {} : { ETCD_LOG_OUTPUTS: logOutputs };
  const check =
    minor === '3.3'
      ? {}
      : minor === '3.4' || minor === '3.5'
        ? { ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK: corruptCheck }
        : { ETCD_FEATURE_GATES: corruptCheck };
  return { ...always, ...byMinor[minor], ...from34, ...check };
}
