import { expect, test } from 'vitest';
import { type StatusSeen, statusLine } from './status-line.js';

const identity = { cluster: 'etcd-cluster', node: 'etcd1' };
const memberId = '8e9e05c52164694d' as never;
const healthy: StatusSeen = {
  spec: { generation: 3 },
  picture: {
    journal: undefined,
    pause: undefined,
    service: { kind: 'active' },
    own: {
      kind: 'answers',
      memberId,
      clusterId: memberId,
      leader: memberId,
      isLearner: false,
      healthy: true,
      appliedIndex: '1',
      dbSizeBytes: 1,
    },
  },
  plan: { decision: undefined, waiting: [] },
};
const line = (change: Partial<StatusSeen['picture']>, plan: Partial<StatusSeen['plan']> = {}) =>
  statusLine({
    identity,
    seen: { ...healthy, picture: { ...healthy.picture, ...change }, plan: { ...healthy.plan, ...plan } },
    waiting: [],
  });

test('before a cluster is there it says what it waits for', () => {
  expect(statusLine({ identity: undefined, seen: undefined, waiting: [] })).toContain('join token');
  expect(statusLine({ identity, seen: undefined, waiting: [] })).toMatch(
    /^etcd1 of etcd-cluster: waits for a coordinator/,
  );
});

test('a healthy node: who, which generation', () => {
  expect(line({})).toBe('etcd1 of etcd-cluster, generation 3: healthy');
});

test('a repair: how far it is, and by which rule', () => {
  const journal = { stage: 'joining', rule: 'rejoinDataGone' } as StatusSeen['picture']['journal'];
  expect(line({ journal })).toBe('etcd1 of etcd-cluster, generation 3: repairing, joining (rejoinDataGone)');
});

test('a node that waits: for what, with the rule to ask about', () => {
  const waiting = [{ rule: 'startEtcd', reason: 'no other agent answers' }];
  expect(line({ own: { kind: 'notAsked' }, service: { kind: 'inactive' } }, { waiting })).toBe(
    'etcd1 of etcd-cluster, generation 3: etcd is inactive; waits for startEtcd: no other agent answers',
  );
  expect(line({ own: { kind: 'silent', why: 'no answer' } })).toContain('etcd is active and does not answer');
});

test('a pause is said, since nothing heals meanwhile', () => {
  const pause = {} as NonNullable<StatusSeen['picture']['pause']>;
  expect(line({ pause })).toContain('healthy (healing is paused)');
});
