/** Situations of a bootstrap, random and exact: what agents may report and what the coordinator may have on record. */
import type { NodeSnapshot } from '@etcd-agent/protocol';
import fc from 'fast-check';
import type { NodeSituation, Situation } from '../bootstrap/plan/situation.js';
import type { BootstrapRecord } from '../state/records.js';
import { expectedIds, type NodePlace, placesOf } from '../topology/places.js';
import { topologySchema } from '../topology/schema.js';

export const ourBootstrap = '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11';
export const otherBootstrap = 'c0ffee00-6b6b-4f4e-9c0f-3a6b0b6f2d11';
const token = 'c1-0123456789abcdef';
const sha = 'a'.repeat(64);

/** `count` nodes n0, n1, ... with addresses of their own. */
export function places(count: number): NodePlace[] {
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: `n${index}`,
    address: `10.0.0.${10 + index}`,
  }));
  return placesOf(topologySchema.parse({ name: 'c1', nodes }));
}

/** The record of a bootstrap of `nodes`, in generation 3. */
export function recordOf(nodes: readonly NodePlace[], completed: boolean): BootstrapRecord {
  return {
    bootstrapId: ourBootstrap,
    token,
    ...expectedIds(nodes, token),
    etcdVersion: '3.5.16',
    generation: 3,
    specsSha256: sha,
    settingsSha256: sha,
    unwanted: [],
    replaces: [],
    previous: [],
    recordedAt: '2026-01-01T00:00:00.000Z',
    ...(completed ? { completedAt: '2026-01-01T00:01:00.000Z' } : {}),
  };
}

/** A snapshot of a node of `record` that runs and is well, with `change` laid over it. */
export function snapshotOf(
  place: NodePlace,
  record: BootstrapRecord,
  change: Partial<NodeSnapshot> = {},
): NodeSnapshot {
  const { memberId } = record.members.find(({ name }) => name === place.name) ?? record.members[0]!;
  return {
    node: place.name,
    observedAt: '2026-01-02T00:00:00.000Z',
    agent: { version: '0.1.0', pid: 1, startedAt: '2026-01-01T00:00:00.000Z', rssBytes: 1 },
    host: { hostname: place.name, os: 'x', kernel: 'x', arch: 'x', cpus: 1, memoryBytes: 1, bootId: 'x' },
    spec: {
      kind: 'present',
      generation: record.generation,
      bootstrapId: record.bootstrapId,
      clusterId: record.clusterId,
      memberId,
    },
    service: { kind: 'active' },
    dataDir: {
      kind: 'ours',
      bootstrapId: record.bootstrapId,
      wal: { kind: 'present', clusterId: record.clusterId, memberId },
    },
    certificates: [
      { name: 'etcd', sha256: sha, notAfter: '2036-01-01T00:00:00.000Z' },
      { name: 'peer', sha256: sha, notAfter: '2036-01-01T00:00:00.000Z' },
    ],
    files: { kind: 'intact' },
    conf: { kind: 'present', initialClusterState: 'existing' },
    etcd: { kind: 'notAsked', why: 'x' },
    waiting: [],
    ...change,
  };
}

export function linked(snapshot: NodeSnapshot, place: NodePlace): NodeSituation {
  const generation = snapshot.spec.kind === 'present' ? snapshot.spec.generation : 0;
  return { place, kind: 'linked', snapshot, generation };
}

/** Every node linked, running and well. */
export function healthy(count: number, change: Partial<Situation> = {}): Situation {
  const all = places(count);
  const record = recordOf(all, true);
  return {
    nodes: all.map((place) => linked(snapshotOf(place, record), place)),
    record,
    reset: false,
    specsDiffer: false,
    settingsDiffer: false,
    quorumAnswers: false,
    everStarted: [],
    toInstall: undefined,
    ...change,
  };
}

const dataDir = (record: BootstrapRecord, memberId: string): fc.Arbitrary<NodeSnapshot['dataDir']> =>
  fc.oneof(
    fc.constant({ kind: 'missing' } as const),
    fc.constant({ kind: 'empty' } as const),
    fc.constant({ kind: 'foreign', why: 'it holds important.txt' } as const),
    fc.constant({
      kind: 'foreign',
      why: 'its WAL belongs to another',
      clusterId: 'ffffffffffffffff',
    } as const),
    fc.constant({ kind: 'unknown', why: 'no access (EACCES)' } as const),
    fc.record({
      kind: fc.constant('ours' as const),
      bootstrapId: fc.constantFrom(record.bootstrapId, record.bootstrapId, otherBootstrap),
      wal: fc.constantFrom(
        { kind: 'none' } as const,
        { kind: 'present', clusterId: record.clusterId, memberId } as const,
        { kind: 'present', clusterId: record.clusterId, memberId } as const,
        { kind: 'unreadable', why: 'EIO' } as const,
      ),
    }),
  );

const serviceKinds = [
  'active',
  'active',
  'activating',
  'inactive',
  'failed',
  'restarting',
  'missing',
  'unknown',
] as const;

function node(place: NodePlace, record: BootstrapRecord): fc.Arbitrary<NodeSituation> {
  const well = snapshotOf(place, record);
  const spec = well.spec.kind === 'present' ? well.spec : undefined;
  const snapshot = fc
    .record({
      spec: fc.oneof(
        fc.constant({ kind: 'none' } as const),
        fc.record({
          kind: fc.constant('present' as const),
          generation: fc.integer({ min: 1, max: 5 }),
          bootstrapId: fc.constantFrom(
            record.bootstrapId,
            record.bootstrapId,
            record.bootstrapId,
            otherBootstrap,
          ),
          clusterId: fc.constant(record.clusterId),
          memberId: fc.constant(spec!.memberId),
        }),
      ),
      service: fc.constantFrom(...serviceKinds).map((kind) => ({ kind })),
      dataDir: dataDir(record, spec!.memberId),
      certificates: fc.subarray([...well.certificates]),
      files: fc.constantFrom({ kind: 'intact' } as const, { kind: 'lost', why: 'no keys' } as const),
    })
    .map((change) => linked(snapshotOf(place, record, change), place));
  return fc.oneof(
    { weight: 4, arbitrary: snapshot },
    { weight: 2, arbitrary: fc.constant(linked(well, place)) },
    { weight: 1, arbitrary: fc.constant<NodeSituation>({ place, kind: 'toEnrol' }) },
  );
}

/** Nodes are removed or reinstalled on purpose once a bootstrap has ended. */
function afterwards(record: BootstrapRecord): fc.Arbitrary<BootstrapRecord> {
  // Fewer than three cannot lose one: the agents refuse it.
  if (record.completedAt === undefined || record.members.length < 3) return fc.constant(record);
  const some = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.subarray([...record.members], { maxLength: 1 }) },
  );
  return fc.tuple(some, some).map(([unwanted, replaced]) => ({
    ...record,
    unwanted: unwanted.map(({ name }) => name),
    replaces: replaced.map(({ name, memberId }) => ({ node: name, memberId })),
  }));
}

/** Anything that a bootstrap may find, the impossible included. */
export const anySituation: fc.Arbitrary<Situation> = fc.integer({ min: 1, max: 5 }).chain((count) => {
  const all = places(count);
  return fc
    .tuple(fc.boolean(), fc.constantFrom('same', 'same', 'same', 'other'), fc.boolean(), fc.boolean())
    .chain(([completed, members, specsDiffer, settingsDiffer]) => {
      const bare = recordOf(
        members === 'same' ? all : [...all.slice(1), ...places(count + 1).slice(count)],
        completed,
      );
      return fc.record({
        nodes: fc.tuple(...all.map((place) => node(place, bare))),
        record: fc.option(afterwards(bare), { nil: undefined, freq: 4 }),
        reset: fc.boolean(),
        specsDiffer: fc.constant(specsDiffer),
        settingsDiffer: fc.constant(specsDiffer && settingsDiffer),
        quorumAnswers: fc.boolean(),
        everStarted: fc.subarray(all.map(({ name }) => name)),
        toInstall: fc.option(fc.subarray(all.map(({ name }) => name)), { nil: undefined, freq: 3 }),
      });
    });
});
