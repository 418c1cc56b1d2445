/** What a bootstrap may do next, over situations that happen and situations that nobody has thought of. */
import type { NodeSnapshot } from '@etcd-agent/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anySituation,
  healthy,
  linked,
  otherBootstrap,
  ourBootstrap,
  places,
  recordOf,
  snapshotOf,
} from '../../testing/situations.js';
import { type BootstrapStep, planBootstrap } from './plan.js';
import type { NodeSituation, Situation } from './situation.js';

const runs = { numRuns: 1_000 };

/** Steps, or none where the plan refuses. */
function steps(situation: Situation): readonly BootstrapStep[] {
  const plan = planBootstrap(situation);
  return plan.kind === 'steps' ? plan.steps : [];
}
function refusals(situation: Situation): readonly string[] {
  const plan = planBootstrap(situation);
  return plan.kind === 'refuse' ? plan.refusals.map(({ node, what }) => `${node ?? ''} ${what}`) : [];
}
const kinds = (situation: Situation) => steps(situation).map(({ kind }) => kind);
const nodesOf = (situation: Situation, kind: BootstrapStep['kind']): readonly string[] =>
  steps(situation).flatMap((step) => (step.kind === kind && 'nodes' in step ? step.nodes : []));

const running = (node: NodeSituation) =>
  node.kind === 'linked' && ['active', 'activating'].includes(node.snapshot.service.kind);
const hasWal = (node: NodeSituation) =>
  node.kind === 'linked' &&
  node.snapshot.dataDir.kind === 'ours' &&
  node.snapshot.dataDir.wal.kind === 'present';

/** Nodes that may be without data: removed on purpose, or reinstalled and to take their former place. */
const excused = ({ record }: Situation): readonly string[] => [
  ...(record?.unwanted ?? []),
  ...(record?.replaces ?? []).map(({ node }) => node),
];

describe('a bootstrap, whatever it finds', () => {
  it('either refuses with reasons and a next step for each, or has steps that end in a proof', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const plan = planBootstrap(situation);
        if (plan.kind === 'refuse') {
          expect(plan.refusals.length).toBeGreaterThan(0);
          for (const { what, next } of plan.refusals) expect([what, next]).not.toContain('');
        } else {
          expect(plan.steps.at(-1)?.kind).toBe('verify');
          expect(plan).not.toHaveProperty('refusals');
        }
      }),
      runs,
    );
  });

  it('is the same for the same situation, and plain JSON', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const plan = planBootstrap(situation);
        expect(planBootstrap(structuredClone(situation))).toEqual(plan);
        // JSON has no undefined: a refusal of no node in particular has none.
        expect(JSON.parse(JSON.stringify(plan))).toEqual(JSON.parse(JSON.stringify(structuredClone(plan))));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a data dir that is not its own, on whichever node', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const foreign = situation.nodes.some(
          (node) => node.kind === 'linked' && node.snapshot.dataDir.kind === 'foreign',
        );
        if (foreign) expect(planBootstrap(situation).kind).toBe('refuse');
      }),
      runs,
    );
  });

  it('never starts empty what was a member of a finished cluster', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        if (situation.record?.completedAt === undefined) return;
        const lost = situation.nodes.filter(
          (node) => node.kind === 'linked' && !hasWal(node) && !running(node),
        );
        for (const { place } of lost) expect(nodesOf(situation, 'start')).not.toContain(place.name);
        if (lost.some(({ place }) => !excused(situation).includes(place.name)))
          expect(planBootstrap(situation).kind).toBe('refuse');
      }),
      runs,
    );
  });

  it('never starts empty what the running members know as started', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        if (situation.record === undefined || situation.reset) return;
        for (const node of situation.nodes) {
          const served = situation.everStarted.includes(node.place.name);
          if (node.kind !== 'linked' || !served || hasWal(node) || running(node)) continue;
          expect(nodesOf(situation, 'start')).not.toContain(node.place.name);
          if (!excused(situation).includes(node.place.name))
            expect(planBootstrap(situation).kind).toBe('refuse');
        }
      }),
      runs,
    );
  });

  it('never resets a finished cluster', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        if (situation.record?.completedAt !== undefined && situation.reset)
          expect(planBootstrap(situation).kind).toBe('refuse');
      }),
      runs,
    );
  });

  it('moves data aside only for a reset, and only that of the recorded bootstrap', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        for (const step of steps(situation)) {
          if (step.kind !== 'quarantine') continue;
          expect(situation.reset).toBe(true);
          expect(step.bootstrapId).toBe(situation.record?.bootstrapId);
          for (const node of situation.nodes) {
            if (node.kind === 'linked' && node.snapshot.dataDir.kind === 'ours')
              expect(node.snapshot.dataDir.bootstrapId).toBe(situation.record?.bootstrapId);
          }
        }
      }),
      runs,
    );
  });

  it('enrols, moves aside, installs, checks, certifies, configures, starts and verifies in this order, and records before it configures', () => {
    const order: BootstrapStep['kind'][] = [
      'enrol',
      'quarantine',
      'install',
      'preflight',
      'certify',
      'configure',
      'start',
      'verify',
    ];
    fc.assert(
      fc.property(anySituation, (situation) => {
        const found = kinds(situation);
        // Nodes that have a spec are told first who is who now; the others are configured after the checks.
        const first = found.indexOf('configure');
        const checks = found.findIndex((kind) => kind === 'preflight' || kind === 'certify');
        const early = checks === -1 || first < checks ? first : -1;
        const ranks = found
          .filter((kind, index) => kind !== 'record' && index !== early)
          .map((kind) => order.indexOf(kind));
        expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b));
        if (found.includes('record'))
          expect(found.indexOf('record')).toBeLessThan(found.indexOf('configure'));
      }),
      runs,
    );
  });

  it('has a record before it configures or starts, and checks every node before it starts any', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const found = kinds(situation);
        if ((situation.record === undefined || situation.reset) && found.length > 0)
          expect(found).toContain('record');
        const unwanted = situation.reset ? [] : (situation.record?.unwanted ?? []);
        if (found.includes('start'))
          expect(nodesOf(situation, 'preflight')).toEqual(
            situation.nodes.map(({ place }) => place.name).filter((name) => !unwanted.includes(name)),
          );
      }),
      runs,
    );
  });

  it('never starts a second etcd where one runs, but for a bootstrap that begins anew', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        if (situation.record === undefined || situation.reset) return;
        for (const node of situation.nodes.filter(running))
          expect(nodesOf(situation, 'start')).not.toContain(node.place.name);
      }),
      runs,
    );
  });

  it('takes a new token only where there is no record or the old one was given up', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const anew = steps(situation).some((step) => step.kind === 'record' && step.what === 'new');
        if (anew) expect(situation.record === undefined || situation.reset).toBe(true);
      }),
      runs,
    );
  });

  it('starts nothing on a node that knows a newer generation or another bootstrap', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const { record } = situation;
        if (record === undefined || situation.reset) return;
        const stranger = situation.nodes.some(
          (node) =>
            node.kind === 'linked' &&
            (node.generation > record.generation ||
              (node.snapshot.spec.kind === 'present' &&
                node.snapshot.spec.bootstrapId !== record.bootstrapId &&
                node.snapshot.spec.generation >= record.generation)),
        );
        if (stranger) expect(planBootstrap(situation).kind).toBe('refuse');
      }),
      runs,
    );
  });
});

describe('a node that was removed on purpose', () => {
  it('is never enrolled, certified, started or waited for, and what it has lost stops nobody', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        for (const name of situation.record?.unwanted ?? []) {
          for (const kind of ['enrol', 'certify', 'start', 'verify'] as const)
            expect(nodesOf(situation, kind)).not.toContain(name);
          const data = refusals(situation).filter((line) => line.startsWith(`${name} was a started member`));
          expect(data).toEqual([]);
        }
      }),
      runs,
    );
  });

  it('and whose host is gone leaves the others to be started and verified', () => {
    const record = { ...recordOf(places(3), true), unwanted: ['n2'] };
    const nodes = healthy(3).nodes.map(
      (node): NodeSituation => (node.place.name === 'n2' ? { place: node.place, kind: 'absent' } : node),
    );
    const situation = healthy(3, { nodes, record, specsDiffer: true });
    expect(kinds(situation)).toEqual(['record', 'configure', 'verify']);
    expect(nodesOf(situation, 'configure')).toEqual(['n0', 'n1']);
    expect(nodesOf(situation, 'verify')).toEqual(['n0', 'n1']);
  });
});

describe('a host that was reinstalled', () => {
  const all = places(3);
  const fresh: Partial<NodeSnapshot> = {
    spec: { kind: 'none' },
    service: { kind: 'inactive' },
    certificates: [],
    dataDir: { kind: 'unknown', why: 'no spec' },
  };
  const record = recordOf(all, true);
  const situation = (change: Partial<Situation>): Situation => ({
    ...healthy(3),
    nodes: all.map((place, index) => linked(snapshotOf(place, record, index === 1 ? fresh : {}), place)),
    ...change,
  });

  it('is refused without a word of its member, and the way back is named', () => {
    const plan = planBootstrap(situation({}));
    expect(plan.kind === 'refuse' && plan.refusals[0]?.next).toMatch(
      /^if .*: coordinator token n1 --replace, /,
    );
  });

  it('and is to take its place is checked, certified and configured, and left to start by itself', () => {
    const replaces = [{ node: 'n1', memberId: record.members[1]!.memberId }];
    const replaced = situation({ record: { ...record, replaces }, specsDiffer: true });
    expect(kinds(replaced)).toEqual(['record', 'configure', 'preflight', 'certify', 'configure', 'verify']);
    expect(nodesOf(replaced, 'certify')).toEqual(['n1']);
    expect(nodesOf(replaced, 'verify')).toEqual(['n0', 'n1', 'n2']);
  });
});

it('a finished cluster whose node has lost its data is left to the agent there', () => {
  const all = places(3);
  const record = recordOf(all, true);
  const gone: Partial<NodeSnapshot> = { service: { kind: 'conditionFailed' }, dataDir: { kind: 'missing' } };
  const nodes = all.map((place, index) => linked(snapshotOf(place, record, index === 2 ? gone : {}), place));
  const plan = planBootstrap(healthy(3, { nodes }));
  expect(plan.kind === 'refuse' && plan.refusals.map(({ next }) => next)).toEqual([
    'its agent repairs it, without a bootstrap; what it waits for: coordinator explain n2',
  ]);
});

describe('a bootstrap of', () => {
  const three = places(3);
  const unfinished = recordOf(three, false);
  const fresh: Partial<NodeSnapshot> = {
    spec: { kind: 'none' },
    service: { kind: 'inactive' },
    certificates: [],
    dataDir: { kind: 'unknown', why: 'no spec' },
  };
  const situation = (nodes: readonly NodeSituation[], change: Partial<Situation>): Situation => ({
    ...healthy(3),
    nodes,
    ...change,
  });

  it('fresh hosts with tokens does everything, in order', () => {
    const nodes = three.map((place): NodeSituation => ({ place, kind: 'toEnrol' }));
    expect(kinds(situation(nodes, { record: undefined }))).toEqual([
      'enrol',
      'preflight',
      'certify',
      'record',
      'configure',
      'start',
      'verify',
    ]);
  });

  it('a healthy finished cluster only verifies', () => {
    for (const count of [1, 3, 5]) expect(kinds(healthy(count))).toEqual(['verify']);
  });

  it.each<[string, Partial<NodeSnapshot>]>([
    ['whose agent has lost a key', { files: { kind: 'lost', why: 'this node has no keys' } }],
    [
      'whose certificate has expired',
      {
        certificates: ['etcd', 'peer'].map((name) => ({
          name,
          sha256: 'a'.repeat(64),
          notAfter: name === 'peer' ? '2026-01-01T23:59:59.000Z' : '2036-01-01T00:00:00.000Z',
        })),
      },
    ],
    ['that has no peer certificate', { certificates: [] }],
  ])(
    'a finished cluster with a running node %s certifies that one and leaves etcd alone',
    (_what, change) => {
      const nodes = three.map((place, index) =>
        linked(snapshotOf(place, recordOf(three, true), index === 1 ? change : {}), place),
      );
      const resumed = situation(nodes, {});
      expect(kinds(resumed)).toEqual(['certify', 'verify']);
      expect(nodesOf(resumed, 'certify')).toEqual(['n1']);
    },
  );

  it('a finished cluster whose node writes damaged files anew itself only verifies', () => {
    const damaged: Partial<NodeSnapshot> = { files: { kind: 'damaged', which: ['/etc/etcd/etcd.pem'] } };
    const nodes = three.map((place) => linked(snapshotOf(place, recordOf(three, true), damaged), place));
    expect(kinds(situation(nodes, {}))).toEqual(['verify']);
  });

  it('a finished cluster with one member stopped starts that one', () => {
    const nodes = three.map((place, index) =>
      linked(
        snapshotOf(place, recordOf(three, true), index === 1 ? { service: { kind: 'inactive' } } : {}),
        place,
      ),
    );
    const resumed = situation(nodes, {});
    expect(kinds(resumed)).toEqual(['preflight', 'certify', 'start', 'verify']);
    expect(nodesOf(resumed, 'start')).toEqual(['n1']);
  });

  it('nodes of which one heard of the record and two did not goes on with the same record', () => {
    const nodes = three.map((place, index) =>
      linked(
        snapshotOf(place, unfinished, {
          ...fresh,
          ...(index === 0 ? { spec: snapshotOf(place, unfinished).spec, dataDir: { kind: 'missing' } } : {}),
        }),
        place,
      ),
    );
    const resumed = situation(nodes, { record: unfinished });
    expect(kinds(resumed)).toEqual(['preflight', 'certify', 'configure', 'start', 'verify']);
    expect(nodesOf(resumed, 'configure')).toEqual(['n1', 'n2']);
  });

  it('a node that another coordinator bootstrapped refuses and names it', () => {
    const record = { ...recordOf(three, false), bootstrapId: otherBootstrap };
    const nodes = three.map((place, index) =>
      linked(snapshotOf(place, record, index === 2 ? {} : fresh), place),
    );
    expect(refusals(situation(nodes, { record: undefined }))).toEqual([
      'n2 has a member spec (generation 3) of a bootstrap that this state does not know',
    ]);
  });

  it('an edited list of members refuses without touching a node', () => {
    const record = recordOf(places(4).slice(1), false);
    const [only, ...more] = refusals(healthy(3, { record }));
    expect(more).toEqual([]);
    expect(only).toContain('the topology has other members or peer URLs');
  });

  it('an unfinished one given up moves its data aside and begins with a new token', () => {
    const nodes = three.map((place) =>
      linked(
        snapshotOf(place, unfinished, { service: { kind: 'failed' }, conf: { kind: 'missing' } }),
        place,
      ),
    );
    const anew = situation(nodes, { record: unfinished, reset: true });
    expect(kinds(anew)).toEqual([
      'quarantine',
      'preflight',
      'certify',
      'record',
      'configure',
      'start',
      'verify',
    ]);
    expect(steps(anew)[0]).toEqual({
      kind: 'quarantine',
      nodes: ['n0', 'n1', 'n2'],
      bootstrapId: ourBootstrap,
    });
  });

  it('a finished one refuses to be given up, and says what that would do', () => {
    expect(refusals(healthy(3, { reset: true }))[0]).toContain('would take a living cluster apart');
  });
});
