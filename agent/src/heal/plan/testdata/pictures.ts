/** Pictures to start a test from: three voters of 3.5, all well, seen by the agent of etcd2. */
import type { MemberId } from '@etcd-agent/etcd';
import { healingPolicySchema, type PeerView } from '@etcd-agent/protocol';
import type { Journal } from '../../journal.js';
import type { ClusterFacts, ClusterMember, PeerFacts, Picture } from '../picture.js';

export const id = (digit: number) => `000000000000000${digit}` as MemberId;
export const clusterId = 'c000000000000000' as Picture['me']['clusterId'];
const bootstrapId = '5f0d8a52-9d0e-4c3f-8f3e-3a0f5e1c2b7a';

export function member(node: number, change: Partial<ClusterMember> = {}): ClusterMember {
  return {
    id: id(node),
    name: `etcd${node}`,
    node: `etcd${node}`,
    peerURLs: [`https://10.0.0.${node}:2380`],
    clientURLs: [`https://10.0.0.${node}:2379`],
    role: 'voter',
    started: true,
    ...change,
  };
}

export type Known = Extract<ClusterFacts, { kind: 'known' }>;

/** A cluster of these nodes, of which `healthy` answer; this node is etcd2. */
export function cluster(
  nodes: readonly number[],
  healthy: readonly number[],
  change: Partial<Known> = {},
): Known {
  const members = nodes.map((node) => member(node));
  return {
    kind: 'known',
    members,
    healthy: healthy.map(id),
    lists: healthy.filter((node) => node !== 2).length,
    inSomeList: members.map((each) => each.id),
    leader: id(healthy[0] ?? 0),
    leaderDbBytes: 20_480,
    leaderIndex: '100',
    alarms: [],
    local: [],
    ...change,
  };
}

export function peer(node: number, change: Partial<PeerView> = {}): PeerFacts {
  return {
    node: `etcd${node}`,
    kind: 'up',
    view: {
      node: `etcd${node}`,
      generation: 1,
      bootstrapId,
      clusterId,
      unwanted: [],
      memberId: id(node),
      etcd: 'healthy',
      etcdForMs: 60_000,
      intent: 'none',
      paused: false,
      sights: [],
      remembered: [],
      ...change,
    },
  };
}

export const silent = (node: number): PeerFacts => ({
  node: `etcd${node}`,
  kind: 'silent',
  forMs: 60_000,
  why: 'no answer',
});

export function picture(change: Partial<Picture> = {}): Picture {
  return {
    wallMs: Date.parse('2026-11-25T12:00:00Z'),
    watchedMs: 3_600_000,
    policy: healingPolicySchema.parse({}),
    pause: undefined,
    me: {
      node: 'etcd2',
      generation: 1,
      bootstrapId,
      clusterId,
      former: [],
      heldBy: undefined,
      memberId: id(2),
      peerURLs: ['https://10.0.0.2:2380'],
      learners: true,
      addNeeds: 'everyVoter',
      unwantedBy: undefined,
      unwanted: [],
      replaces: undefined,
      addressHere: true,
      certificate: { usable: true, why: 'good' },
      freeBytes: 100 * 1024 ** 3,
      stateBytes: 100 * 1024 ** 3,
      ioPressure: 0,
    },
    service: {
      kind: 'active',
      enabled: 'yes',
      detail: '',
      upMs: 3_600_000,
      forMs: 3_600_000,
      failedStarts: 0,
      vainRestarts: 0,
    },
    data: {
      kind: 'directory',
      why: '',
      content: true,
      dir: { dev: 1, ino: 2 },
      wal: { kind: 'present', clusterId, memberId: id(2) },
      begun: true,
      begunHere: true,
      begunForOther: false,
      busy: '',
      fileSystem: 'same',
    },
    disk: { kind: 'notChecked' },
    files: { kind: 'intact' },
    own: {
      kind: 'answers',
      memberId: id(2),
      clusterId,
      leader: id(0),
      isLearner: false,
      healthy: true,
      appliedIndex: '100',
      dbSizeBytes: 20_480,
    },
    cluster: cluster([0, 1, 2], [0, 1, 2]),
    peers: [peer(0), peer(1)],
    hashes: { kind: 'notAsked' },
    ends: { corruptInARow: 0, code: '', text: '' },
    journal: undefined,
    history: [],
    fencedBy: undefined,
    order: undefined,
    stalledMs: 0,
    held: {},
    ...change,
  };
}

/** etcd is down. */
export const stopped = (
  change: Partial<Picture['service']> = {},
): Pick<Picture, 'service' | 'own' | 'cluster'> => ({
  service: {
    kind: 'failed',
    enabled: 'yes',
    detail: 'exit-code',
    upMs: 0,
    forMs: 60_000,
    failedStarts: 0,
    vainRestarts: 0,
    ...change,
  },
  own: { kind: 'notAsked' },
  cluster: cluster([0, 1, 2], [0, 1]),
});

/** etcd was killed and its data dir is gone, for long enough. */
export const wiped = (change: Partial<Picture> = {}): Picture =>
  picture({
    ...stopped({ kind: 'conditionFailed' }),
    data: { ...picture().data, kind: 'missing', content: false, dir: undefined, wal: { kind: 'none' } },
    held: { dataGone: 5_000, notRunning: 5_000 },
    ...change,
  });

export function journal(change: Partial<Journal> = {}): Journal {
  return {
    schema: 1,
    id: '0c3f9f5e-6a5b-4d0e-9b0a-1d2e3f4a5b6c',
    rule: 'rejoinDataGone',
    why: 'the WAL is gone',
    startedAt: '2026-11-25T11:59:00Z',
    stage: 'begun',
    bootstrapId,
    clusterId,
    oldId: id(2),
    condemned: { path: '/var/lib/etcd/default.etcd', dev: 1, ino: 2 },
    quarantines: [],
    joining: false,
    attempts: 0,
    ...change,
  };
}
