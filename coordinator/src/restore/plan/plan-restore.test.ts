import { describe, expect, it } from 'vitest';
import { type NodeFacts, planRestore, type RestoreFacts } from './plan-restore.js';

const GiB = 1024 ** 3;
const linked = (name: string, change: Partial<Extract<NodeFacts, { kind: 'linked' }>> = {}): NodeFacts => ({
  name,
  kind: 'linked',
  generation: 3,
  dataDir: '/var/lib/etcd/default.etcd',
  data: { kind: 'ours' },
  fileSystem: 'same',
  freeBytes: 10 * GiB,
  revision: '120',
  ...change,
});
const facts = (change: Partial<RestoreFacts> = {}): RestoreFacts => ({
  nodes: [linked('etcd0'), linked('etcd1'), linked('etcd2', { revision: undefined })],
  without: [],
  unwanted: [],
  snapshot: { bytes: GiB, seal: 'right', isKubernetes: false, content: { revision: '100', keys: 7 } },
  unsealed: false,
  bumpRevision: undefined,
  canBump: true,
  ...change,
});
const replaced = (node: NodeFacts, change: Partial<RestoreFacts> = {}) =>
  facts({ nodes: [linked('etcd0'), linked('etcd1'), node], ...change });

function restores(of: RestoreFacts) {
  const plan = planRestore(of);
  if (plan.kind === 'refuse') throw new Error(JSON.stringify(plan.refusals));
  return plan;
}
function refuses(of: RestoreFacts): string {
  const plan = planRestore(of);
  expect(plan.kind).toBe('refuse');
  return plan.kind === 'refuse' ? plan.refusals.map(({ what, next }) => `${what} -> ${next}`).join('\n') : '';
}

describe('a restore', () => {
  it('says what each member has beyond the snapshot, and of whom nobody knows', () => {
    expect(restores(facts()).losses).toEqual(
      [
        'the snapshot has 7 keys at revision 100',
        'etcd0 is at revision 120: the 20 newest revisions are lost',
        'etcd1 is at revision 120: the 20 newest revisions are lost',
        'etcd2 does not answer: what it has beyond the snapshot is not known, and is lost',
      ].map((line) => line.replace('etcd2 does', 'etcd of etcd2 does')),
    );
  });

  it('is on all nodes but those named, which are told to rejoin', () => {
    const silent: NodeFacts = { name: 'etcd2', kind: 'silent', why: 'no route' };
    expect(refuses(replaced(silent))).toMatch(/etcd2 is not reached: no route -> .*--without etcd2/);
    const plan = restores(replaced(silent, { without: ['etcd2'] }));
    expect(plan.nodes).toEqual(['etcd0', 'etcd1']);
    expect(plan.steps.at(-1)).toBe('etcd2 rejoin by themselves when they are back');
    expect(plan.warnings.join()).toMatch(/a cluster of 2 cannot lose a member/);
  });

  it('warns that a majority which is left out may go on acknowledging writes', () => {
    const plan = restores(facts({ without: ['etcd1', 'etcd2'] }));
    expect(plan.warnings.join()).toMatch(/are a majority: .*may go on acknowledging writes/);
    expect(refuses(facts({ without: ['etcd0', 'etcd1', 'etcd2'] }))).toMatch(/no node is left/);
  });

  it('leaves out whom an operator has removed', () => {
    expect(restores(facts({ unwanted: ['etcd1'] })).nodes).toEqual(['etcd0', 'etcd2']);
  });

  it.each<[string, NodeFacts, RegExp]>([
    [
      'foreign data',
      linked('etcd2', { data: { kind: 'foreign', why: 'it holds photos' } }),
      /it holds photos -> .*mv /,
    ],
    [
      'another file system',
      linked('etcd2', { fileSystem: 'other' }),
      /unmounted volume -> .*accept-disk etcd2/,
    ],
    ['no room', linked('etcd2', { freeBytes: GiB }), /1024 MiB free .* takes 1152 MiB/],
    [
      'an agent that was never told what to run',
      linked('etcd2', { generation: 0 }),
      /no member spec -> coordinator bootstrap/,
    ],
  ])('is refused over %s', (_what, node, words) => {
    expect(refuses(replaced(node)).replace(' yet: it was enrolled and never configured', '')).toMatch(words);
  });

  it('of a bare copy of a database has to be asked for', () => {
    const snapshot = { ...facts().snapshot, seal: 'none' as const };
    expect(refuses(facts({ snapshot }))).toMatch(/no SHA-256 at its end.*--skip-hash-check/);
    expect(restores(facts({ snapshot, unsealed: true })).nodes).toHaveLength(3);
  });

  it('raises the revision by itself for the data of Kubernetes, where etcd can, and says so where it cannot', () => {
    const snapshot = { ...facts().snapshot, isKubernetes: true };
    expect(restores(facts()).bumpRevision).toBe(0);
    expect(restores(facts({ snapshot })).bumpRevision).toBe(1_000_000_000);
    expect(restores(facts({ snapshot, bumpRevision: 0 })).warnings.join()).toMatch(
      /stop all of its components/,
    );
    expect(restores(facts({ snapshot, canBump: false })).warnings.join()).toMatch(/this etcd cannot raise/);
    expect(refuses(facts({ bumpRevision: 5, canBump: false }))).toMatch(/leave --bump-revision out/);
  });
});
