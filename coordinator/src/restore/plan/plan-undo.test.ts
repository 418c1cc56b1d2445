import { describe, expect, it } from 'vitest';
import { planUndo, type UndoFacts, type UndoNode } from './plan-undo.js';

const former = 'f000000000000000';
const restored = 'c000000000000000';
const node = (name: string, change: Partial<Extract<UndoNode, { kind: 'linked' }>> = {}): UndoNode => ({
  name,
  kind: 'linked',
  quarantined: former,
  data: restored,
  repairing: false,
  fileSystem: 'same',
  revision: '12',
  ...change,
});
const names = ['etcd0', 'etcd1', 'etcd2'];
const facts = (nodes: readonly UndoNode[], change: Partial<UndoFacts> = {}): UndoFacts => ({
  nodes,
  without: [],
  former: { clusterId: former, members: names, unwanted: [] },
  unfinished: false,
  ...change,
});
const whole = names.map((name) => node(name));

describe('taking a restore back', () => {
  it('puts the former data back on every node, and says what was written since', () => {
    const plan = planUndo(facts(whole));
    expect(plan).toMatchObject({ kind: 'undo', nodes: names, bearers: names });
    expect(plan.kind === 'undo' && plan.losses).toHaveLength(3);
  });

  it('counts a node that was away, and has its former data still', () => {
    const away = node('etcd2', { quarantined: null, data: former });
    expect(planUndo(facts([...whole.slice(0, 2), away]))).toMatchObject({ bearers: names });
  });

  it('leaves a node that came later to the ordinary repair', () => {
    const later = node('etcd2', { quarantined: null });
    expect(planUndo(facts([...whole.slice(0, 2), later]))).toMatchObject({
      nodes: names,
      bearers: names.slice(0, 2),
    });
  });

  it('is refused where what was moved aside is gone on too many nodes for a quorum', () => {
    const gone = [node('etcd1', { quarantined: null }), node('etcd2', { quarantined: null })];
    const plan = planUndo(facts([whole[0]!, ...gone]));
    expect(plan.kind === 'refuse' && plan.refusals[0]!.what).toMatch(/on 1 of its 3 nodes, and 2 are needed/);
  });

  it('does not count what a repair had begun, which may have no vote', () => {
    const begun = node('etcd0', { repairing: true });
    expect(planUndo(facts([begun, ...whole.slice(1)]))).toMatchObject({ kind: 'undo', bearers: names });
    const plan = planUndo(facts([begun, whole[1]!, node('etcd2', { quarantined: null })]));
    expect(plan.kind === 'refuse' && plan.refusals[0]!.what).toMatch(
      /on 1 of its 3 nodes \(etcd0 was being repaired, and may have no vote\), and 2 are needed/,
    );
  });

  it('is refused over a silent agent that is not named, and over an unmounted volume', () => {
    const silent: UndoNode = { name: 'etcd2', kind: 'silent', why: 'no route' };
    expect(planUndo(facts([...whole.slice(0, 2), silent])).kind).toBe('refuse');
    expect(planUndo(facts([...whole.slice(0, 2), silent], { without: ['etcd2'] })).kind).toBe('undo');
    expect(planUndo(facts([...whole.slice(0, 2), node('etcd2', { fileSystem: 'other' })])).kind).toBe(
      'refuse',
    );
  });
});
