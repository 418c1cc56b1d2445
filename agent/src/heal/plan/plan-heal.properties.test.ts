/**
 * What must hold for every picture there is, the contradictory ones included: whatever is seen, healing does not take what
 * cannot be given back.
 */
import type { MemberId } from '@etcd-agent/etcd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failing, guardAdd, guardLosing, guardPromote } from './guards.js';
import type { Picture } from './picture.js';
import { planHeal } from './plan-heal.js';
import type { HealStep } from './step.js';
import {
  cluster,
  clusterId,
  id,
  journal,
  type Known,
  member,
  peer,
  picture,
  silent,
} from './testdata/pictures.js';

const subset = (nodes: readonly number[]) => fc.subarray([...nodes]);
const flag = fc.boolean();
const rarely = fc.oneof(
  { weight: 6, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
/** Mostly not held at all, so that one fault at a time is the common case. */
const ms = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constantFrom(1, 500, 6_000, 61_000, 1_000_000) },
);

const clusters = fc
  .record({
    nodes: subset([1, 2, 3, 4]).map((some) => [0, ...some]),
    own: fc.constantFrom(2, 8, 9, undefined),
    role: fc.constantFrom('voter', 'learner'),
    started: flag,
    spread: rarely,
  })
  .chain(({ nodes, own, role, started, spread }) =>
    fc
      .record({ healthy: subset(nodes), alarm: rarely, stale: rarely })
      .map(({ healthy, alarm, stale }): Known => {
        const others = nodes.filter((node) => node !== 2);
        const mine = member(own ?? 2, {
          node: 'etcd2',
          peerURLs: ['https://10.0.0.2:2380'],
          role: role as 'voter',
          started,
          name: started ? 'etcd2' : '',
        });
        const members = [...others.map((node) => member(node)), ...(own === undefined ? [] : [mine])];
        const extra = spread ? [member(7, { started: false, name: '', role: 'learner' })] : [];
        const ids = [...members, ...extra].map((each) => each.id);
        return cluster(others, healthy, {
          members: [...members, ...extra],
          inSomeList: ids,
          lists: healthy.length,
          alarms: alarm ? [{ memberId: id(0), type: 'CORRUPT' }] : [],
          local: healthy.map((node) => ({ node: `etcd${node}`, ids: stale ? [id(2)] : ids })),
        });
      }),
  );

const journals = fc.option(
  fc
    .record({
      rule: fc.constantFrom('rejoinDataGone', 'replaceMember', 'rejoinHashDiffers'),
      added: flag,
      joining: flag,
      attempts: fc.nat(5),
    })
    .map(({ added, ...rest }) => journal({ ...rest, ...(added ? { newId: id(9) } : {}) })),
  { nil: undefined },
);

const pictures: fc.Arbitrary<Picture> = fc
  .record({
    known: fc.option(clusters, { nil: undefined }),
    kind: fc.constantFrom<Picture['service']['kind']>(
      'active',
      'activating',
      'restarting',
      'inactive',
      'failed',
      'conditionFailed',
      'masked',
      'deactivating',
    ),
    wal: fc.constantFrom<Picture['data']['wal']>(
      { kind: 'none' },
      { kind: 'unreadable', why: 'x' },
      ...[2, 9, 1].map((node) => ({ kind: 'present', clusterId, memberId: id(node) }) as const),
      { kind: 'present', clusterId: 'dddddddddddddddd' as typeof clusterId, memberId: id(2) },
    ),
    content: flag,
    begun: flag,
    fileSystem: fc.constantFrom<Picture['data']['fileSystem']>('same', 'other', 'neverSeen'),
    journal: journals,
    paused: rarely,
    behind: fc.constantFrom(undefined, false, true),
    answers: flag,
    leads: flag,
    learners: flag,
    quorumAdds: flag,
    held: fc.record({
      dataGone: ms,
      removed: ms,
      alone: ms,
      unasked: ms,
      someUnasked: ms,
      silent: ms,
      hashDiffers: ms,
      leading: ms,
      ownLearner: ms,
      [`inactive:${id(2)}`]: ms,
      [`orphan:${id(7)}`]: ms,
    }),
    ends: fc.constantFrom(0, 2, 3),
    differs: rarely,
    order: rarely,
    replaces: rarely,
    others: fc.constantFrom([0, 1], [0, 1, 3, 4]),
    silent: fc.oneof(
      { weight: 5, arbitrary: fc.constant<number[]>([]) },
      { weight: 3, arbitrary: subset([0, 1, 3, 4]) },
    ),
    unwanted: fc.oneof(
      { weight: 6, arbitrary: fc.constant<number[]>([]) },
      { weight: 1, arbitrary: subset([0, 3]) },
    ),
    stalledMs: ms,
  })
  .map((seen) => {
    const base = picture();
    return picture({
      cluster: seen.known ?? { kind: 'unknown', why: 'no leader', answering: 1 },
      service: { ...base.service, kind: seen.kind },
      data: {
        ...base.data,
        wal: seen.wal,
        content: seen.content,
        begun: seen.begun,
        begunHere: seen.begun,
        fileSystem: seen.fileSystem,
      },
      journal: seen.journal,
      pause: seen.paused ? { until: '2026-11-25T13:00:00Z', reason: 'r', by: 'b' } : undefined,
      disk:
        seen.behind === undefined
          ? { kind: 'notChecked' }
          : {
              kind: 'checked',
              position: { term: '1', index: '1' },
              why: '',
              remembered: undefined,
              behind: seen.behind,
              forMs: 1,
            },
      own: seen.answers
        ? ({ ...base.own, leader: seen.leads ? id(2) : id(0), memberId: id(2) } as Picture['own'])
        : { kind: 'silent', why: 'x' },
      me: {
        ...base.me,
        learners: seen.learners,
        unwanted: seen.unwanted.map((node) => `etcd${node}`),
        addNeeds: seen.quorumAdds ? 'quorum' : 'everyVoter',
        replaces: seen.replaces ? id(2) : undefined,
        memberId: seen.journal?.newId === undefined ? id(2) : id(9),
      },
      held: Object.fromEntries(Object.entries(seen.held).filter(([, value]) => value > 0)),
      ends: { corruptInARow: seen.ends, code: seen.ends > 0 ? 'walCrc' : '', text: '' },
      hashes: seen.differs ? { kind: 'differ', others: [id(2)], agreeing: 2 } : { kind: 'notAsked' },
      order: seen.order ? { by: 'ann' } : undefined,
      peers: seen.others.map((node) => (seen.silent.includes(node) ? silent(node) : peer(node))),
      stalledMs: seen.stalledMs,
    });
  });

/** Many pictures with what is done next. The seed is fixed, so that even a rare kind of step is among them every time. */
let planned: readonly { readonly seen: Picture; readonly step: HealStep }[] | undefined;
function allPlanned() {
  planned ??= fc.sample(pictures, { numRuns: 60_000, seed: 20261125 }).flatMap((seen) => {
    const { decision } = planHeal(seen);
    return decision === undefined ? [] : [{ seen, step: decision.step }];
  });
  return planned;
}

/** Every step of this kind that any picture leads to. */
function always(
  kind: HealStep['kind'],
  holds: (seen: Picture, step: HealStep & { id?: MemberId }) => boolean,
): void {
  const found = allPlanned().filter(({ step }) => step.kind === kind);
  for (const { seen, step } of found) {
    if (holds(seen, step as never)) continue;
    const { journal: repair, data, disk, service, me, cluster: list, peers, held } = seen;
    const picture = { step, repair, data, disk, service, me: me.memberId, list, peers, held };
    expect.fail(JSON.stringify(picture));
  }
  expect(found.length, `pictures that lead to ${kind}`).toBeGreaterThan(0);
}

const known = (seen: Picture) => seen.cluster as Known;

describe('for every picture', () => {
  it('the same picture gives the same plan', () => {
    fc.assert(
      fc.property(pictures, (seen) => {
        expect(planHeal(seen)).toEqual(planHeal(structuredClone(seen)));
      }),
    );
  });

  it('without a readable cluster nothing is done but on this host, and nothing that is condemned', () => {
    const local = ['checkDisk', 'startEtcd', 'restoreFiles', 'abandonRepair', undefined];
    fc.assert(
      fc.property(
        pictures,
        (seen) => seen.cluster.kind === 'known' || local.includes(planHeal(seen).decision?.step.kind),
      ),
      { numRuns: 3_000 },
    );
  });

  it('while paused nothing begins, and nothing is started but what the host asks for', () => {
    fc.assert(
      fc.property(pictures, (seen) => {
        if (seen.pause === undefined || seen.journal !== undefined) return true;
        const kind = planHeal(seen).decision?.step.kind;
        const { service, disk } = seen;
        if (kind !== 'startEtcd') return [undefined, 'checkDisk'].includes(kind);
        const asked = service.kind === 'conditionFailed' || /^(?!success|stopped)/.test(service.detail);
        return asked && service.kind !== 'failed' && disk.kind === 'checked' && !disk.behind;
      }),
      { numRuns: 3_000 },
    );
  });

  it.each(['removeMember', 'takeBack'] as const)('%s leaves a quorum, and etcd is stopped before', (kind) => {
    always(
      kind,
      (seen, { id: gone }) =>
        guardLosing(known(seen), gone!).ok &&
        !['active', 'activating', 'restarting'].includes(seen.service.kind),
    );
  });

  it('removeMember takes nobody but this node', () => {
    always('removeMember', (seen, { id: gone }) => {
      const entry = known(seen).members.find((each) => each.id === gone);
      return entry?.node === 'etcd2';
    });
  });

  it('addMember comes only when the old entry is gone, nobody else joins, and a quorum answers', () => {
    always(
      'addMember',
      (seen) => failing(guardAdd(known(seen), seen, seen.journal!.oldId as MemberId)).length === 0,
    );
  });

  it('data is moved aside only when its entry is gone, and nothing runs on it', () => {
    always('quarantineData', (seen) => {
      const gone = !known(seen).members.some(({ id: each }) => each === seen.journal!.oldId);
      const strange = seen.journal!.newId !== undefined;
      return (
        (gone || strange) &&
        seen.data.fileSystem !== 'other' &&
        !['active', 'activating', 'restarting'].includes(seen.service.kind)
      );
    });
  });

  it('startJoin is a first start, under an entry that every peer lists', () => {
    always('startJoin', (seen, { id: entry }) => {
      const { local, members } = known(seen);
      return (
        seen.data.wal.kind === 'none' &&
        !seen.journal!.joining &&
        members.some((each) => each.id === entry && !each.started) &&
        local.length > 0 &&
        local.every(({ ids }) => ids.includes(entry!) && !ids.includes(id(2)))
      );
    });
  });

  it('etcd is started on its own data only: of this cluster, of this member, and not behind', () => {
    always('startEtcd', (seen) => {
      const { wal } = seen.data;
      const mine = wal.kind === 'present' && wal.clusterId === clusterId && wal.memberId === seen.me.memberId;
      // A head that cannot be read is etcd's to judge; it is this agent's own memory that says whose it is.
      const damaged = wal.kind === 'unreadable' && seen.data.begunHere;
      return (mine || damaged) && seen.disk.kind === 'checked' && !seen.disk.behind && askedLong(seen);
    });
  });

  it('promotion leaves a quorum of the enlarged cluster', () => {
    always('promote', (seen, { id: learner }) => guardPromote(known(seen), learner!).ok);
  });

  it('a running etcd is restarted only where the others are enough', () => {
    always('restartEtcd', (seen) => guardLosing(known(seen), id(2)).ok);
  });
});

/** Counted from the quorums: each one with this node in it has an agent that was asked, or the waiting is over. */
function askedLong({ peers, cluster: { kind }, held, me }: Picture): boolean {
  const others = peers.filter(({ node }) => !me.unwanted.includes(node));
  const up = others.filter((each) => each.kind === 'up').length;
  if (others.length === 0) return true;
  if (kind === 'known') return up > 0 || (held.alone ?? 0) >= 5_000;
  const quorum = Math.floor((others.length + 1) / 2) + 1;
  if (up > others.length - (quorum - 1)) return true;
  return (held.unasked ?? 0) >= 300_000 || (up > 0 && (held.someUnasked ?? 0) >= 60_000);
}
