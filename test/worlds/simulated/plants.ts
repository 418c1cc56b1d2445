/**
 * Classic bugs of healing, each as the replacement of one part, to show that the simulation finds it. Most lie about what is
 * seen: a guard that is told that all is well is a guard that is not there.
 */
import type { AgentCore, HealParts } from './agent-core.js';
import type { Breach } from './invariants.js';

type Picture = Parameters<HealParts['plan']>[0];
const none = { kind: 'nothing' } as const;

export type Plant = (core: AgentCore) => Partial<HealParts>;

export const plants: Readonly<Record<string, Plant>> = {
  /** Every voter counts as healthy. */
  noQuorumGuard: lying((picture) => {
    const { cluster } = picture;
    if (cluster.kind === 'unknown') return picture;
    return { ...picture, cluster: { ...cluster, healthy: cluster.members.map(({ id }) => id) } };
  }),

  /** What a person would try first: start it again, permit and all. */
  emptyStart: (core) => ({
    plan: (picture) => {
      const gone = picture.data.begun && picture.data.wal.kind === 'none' && picture.journal === undefined;
      const stopped = ['inactive', 'failed', 'conditionFailed'].includes(picture.service.kind);
      if (!gone || !stopped) return core.planHeal(picture);
      const decision = {
        rule: 'startEtcd',
        step: { kind: 'startEtcd' },
        why: 'it is down',
        evidence: {},
      } as const;
      return { decision, waiting: [], intent: 'none' };
    },
    executors: {
      ...core.healExecutors,
      startEtcd: async (act, step) => {
        const { files, paths } = act.host;
        if (act.picture.data.wal.kind === 'none') {
          await files.makeDirectory(paths.runDir, { mode: 0o755 });
          await files.writeAtomic(paths.permit, 'again\n', { mode: 0o644 });
        }
        await core.healExecutors.startEtcd(act, step);
      },
    },
  }),

  /** Room is made before there is a replacement. */
  wipeBeforeRemove: (core) => ({
    executors: {
      ...core.healExecutors,
      beginRepair: async (act, step) => {
        await core.healExecutors.beginRepair(act, step);
        await act.host.files.removeTree(act.spec.etcd.dataDir);
      },
    },
  }),

  /** What was seen before the lock was waited for is acted on. */
  lockTrusted: () => ({ decideAgain: false }),

  /** A WAL is there, so it is started. */
  rolledBackStarted: lying((picture) =>
    picture.disk.kind === 'checked' ? { ...picture, disk: { ...picture.disk, behind: false } } : picture,
  ),

  /** The members as the operator once wrote them. */
  topologyAsInitialCluster: (core) => ({
    executors: {
      ...core.healExecutors,
      startJoin: (act, step) => {
        const { cluster } = act.picture;
        if (cluster.kind === 'unknown') return core.healExecutors.startJoin(act, step);
        const [row] = cluster.members;
        const members = act.spec.initialCluster.map(({ name, peerURLs }) => ({
          ...row!,
          name,
          node: name,
          peerURLs,
        }));
        return core.healExecutors.startJoin(
          { ...act, picture: { ...act.picture, cluster: { ...cluster, members } } },
          step,
        );
      },
    },
  }),
};

export const plantNames = Object.keys(plants);

/** One that the seeds do not show, with a part of the name of a scenario that does, and what it breaks there: one of these. */
interface ScenarioPlant {
  readonly plant: Plant;
  readonly scenario: string;
  readonly breaks: Breach['invariant'] | readonly Breach['invariant'][];
}

export const scenarioPlants: Readonly<Record<string, ScenarioPlant>> = {
  /** Nobody answers, so nobody objects. */
  aloneIsEnough: {
    plant: lying((picture) => ({ ...picture, held: { ...picture.held, unasked: 400_000 } })),
    scenario: 'and on a host that comes back last',
    breaks: 'I4',
  },

  /** Somebody answers and does not object, so nobody does. */
  oneIsEnough: {
    plant: lying((picture) => ({ ...picture, held: { ...picture.held, someUnasked: 400_000 } })),
    scenario: 'and on a host that comes back soon after one that was away',
    breaks: 'I4',
  },

  /** The minute for those that are silent beside others runs while all are. */
  minuteWhileAlone: {
    plant: lying((picture) => ({
      ...picture,
      held: { ...picture.held, someUnasked: picture.held.unasked ?? 0 },
    })),
    scenario: 'older and, late, on a host',
    breaks: 'I4',
  },

  /** A newer cluster is none of this node's business until somebody tells it. */
  fenceIgnored: {
    plant: withRule('fence', () => () => none),
    scenario: 'a majority that was left out',
    breaks: 'I10',
  },

  /** What an operator does is none of this agent's business. */
  holdIgnored: {
    plant: withRule('operation', () => () => none),
    scenario: 'all hosts lose power in the middle of a restore',
    breaks: 'I11',
  },

  /** One rule is asked before the hold is. */
  holdIgnoredByStart: {
    plant: withRule('operation', ({ operation, startEtcd }) => (picture) => {
      const outcome = startEtcd!(picture);
      return outcome.kind === 'step' ? outcome : operation!(picture);
    }),
    scenario: 'all hosts lose power in the middle of a restore',
    breaks: 'I11',
  },

  /** A WAL is there, so it is started. */
  formerStarted: {
    plant: lying((picture) => {
      const { data, me } = picture;
      if (data.wal.kind !== 'present' || !me.former.includes(data.wal.clusterId)) return picture;
      const { clusterId, memberId } = me;
      return { ...picture, data: { ...data, wal: { kind: 'present', clusterId, memberId } } };
    }),
    scenario: 'a majority that was left out',
    breaks: 'I10',
  },

  /** Whatever lies in the way is taken for data of before. */
  everythingIsFormer: {
    plant: lying((picture) => {
      const { data, me } = picture;
      const isOther = data.wal.kind === 'present' && data.wal.clusterId !== me.clusterId;
      if (!isOther || data.wal.kind !== 'present') return picture;
      return { ...picture, me: { ...me, former: [...me.former, data.wal.clusterId] } };
    }),
    scenario: 'data of another cluster is not moved aside',
    // Either the operation moves it, or before that the agent, for it is fenced.
    breaks: ['I6', 'I12'],
  },
};

type Rules = AgentCore['healRules'];

function withRule(name: string, replaced: (rules: Rules) => Rules[string]): Plant {
  return ({ planHeal, healRules }) => ({
    plan: (picture) => planHeal(picture, { ...healRules, [name]: replaced(healRules) }),
  });
}

function lying(lie: (picture: Picture) => Picture): Plant {
  return (core) => ({ plan: (picture) => core.planHeal(lie(picture)) });
}
