/**
 * The rules hold for every observation there is: `Local` has few enough values to try them all, the contradictory ones
 * (a WAL in a missing data dir) included.
 */
import { describe, expect, it } from 'vitest';
import type { Local } from './local.js';
import { type Plan, plan, rules } from './plan.js';
import type { Step } from './step.js';

const flags = [false, true];
const dirKinds = ['missing', 'empty', 'ours', 'foreign', 'unknown'] as const;
const stages = ['none', 'claimed', 'begun', 'retired'] as const;
const confStates = ['new', 'existing', 'something else', undefined];

const all: Local[] = flags.flatMap((hasSpec) =>
  dirKinds.flatMap((kind) =>
    flags.flatMap((hasWal) =>
      stages.flatMap((stage) =>
        confStates.flatMap((confState) =>
          flags.flatMap((permit) =>
            flags.map((etcdMoves) => ({
              hasSpec,
              isHeld: false,
              dataDir: { kind, hasWal },
              stage,
              confState,
              permit,
              etcdMoves,
            })),
          ),
        ),
      ),
    ),
  ),
);

/** Every observation with its plan, so that a failure shows both. */
const planned: { local: Local; decided: Plan }[] = all.map((local) => ({ local, decided: plan(local) }));
const kinds = ({ steps }: Plan) => steps.map((step) => step.kind);
const does = (decided: Plan, kind: Step['kind']) => kinds(decided).includes(kind);
const ourWal = ({ dataDir }: Local) => dataDir.kind === 'ours' && dataDir.hasWal;

/** The observations for which a claim does not hold. */
const exceptions = (holds: (local: Local, decided: Plan) => boolean) =>
  planned.filter(({ local, decided }) => !holds(local, decided));

/** What will be observed after a step was carried out. */
function after(local: Local, step: Step): Local {
  switch (step.kind) {
    case 'recordBegun':
      return { ...local, stage: 'begun' };
    case 'flipConf':
      return { ...local, confState: 'existing' };
    case 'removePermit':
      return { ...local, permit: false };
  }
}

describe('whatever is observed', () => {
  it('every value is tried, and every step occurs among the plans', () => {
    expect(all).toHaveLength(2 * 5 * 2 * 4 * 4 * 2 * 2);
    expect(new Set(planned.flatMap(({ decided }) => kinds(decided)))).toEqual(
      new Set(['recordBegun', 'flipConf', 'removePermit']),
    );
  });

  it('etcd.conf is not flipped to existing without a WAL of our own', () => {
    expect(exceptions((local, decided) => !does(decided, 'flipConf') || ourWal(local))).toEqual([]);
  });

  it('etcd.conf is flipped as soon as there is a WAL of our own, and only from new', () => {
    expect(
      exceptions(
        (local, decided) =>
          does(decided, 'flipConf') === (local.hasSpec && ourWal(local) && local.confState === 'new'),
      ),
    ).toEqual([]);
  });

  it('a permit is not kept when a WAL exists', () => {
    expect(
      exceptions(
        (local, decided) => !(local.permit && local.dataDir.hasWal) || does(decided, 'removePermit'),
      ),
    ).toEqual([]);
  });

  it('a permit is not kept when nothing is being started', () => {
    expect(
      exceptions((local, decided) => !(local.permit && !local.etcdMoves) || does(decided, 'removePermit')),
    ).toEqual([]);
  });

  it('a permit is not taken from a start that is under way without a WAL, and the plan says what it waits for', () => {
    const underWay = planned.filter(({ local }) => local.permit && local.etcdMoves && !local.dataDir.hasWal);
    expect(underWay.length).toBeGreaterThan(0);
    for (const { local, decided } of underWay) {
      expect(does(decided, 'removePermit'), JSON.stringify(local)).toBe(false);
      expect(
        decided.waiting.map(({ rule }) => rule),
        JSON.stringify(local),
      ).toContain('retirePermit');
    }
  });

  it('a permit that is not there is not removed', () => {
    expect(exceptions((local, decided) => local.permit || !does(decided, 'removePermit'))).toEqual([]);
  });

  it('a data dir counts as begun whenever there is a WAL of our own, whatever was remembered, and never goes back', () => {
    expect(
      exceptions(
        (local, decided) => does(decided, 'recordBegun') === (ourWal(local) && local.stage !== 'begun'),
      ),
    ).toEqual([]);
  });

  it('a foreign, missing, empty or unknown data dir leads to no step but taking the permit back', () => {
    expect(
      exceptions(
        (local, decided) =>
          local.dataDir.kind === 'ours' || kinds(decided).every((kind) => kind === 'removePermit'),
      ),
    ).toEqual([]);
  });

  it('what must be remembered comes before the flip, and the permit goes last', () => {
    const order = ['recordBegun', 'flipConf', 'removePermit'];
    expect(
      exceptions((_local, decided) => {
        const places = kinds(decided).map((kind) => order.indexOf(kind));
        return places.every((place, index) => index === 0 || place > places[index - 1]!);
      }),
    ).toEqual([]);
  });

  it('nothing is done while an operation over the whole cluster is under way', () => {
    for (const { local } of planned)
      expect(plan({ ...local, isHeld: true })).toEqual({ steps: [], waiting: [] });
  });

  it('the same observation gives the same plan, and is left as it was', () => {
    for (const { local, decided } of planned) {
      const frozen = Object.freeze({ ...local, dataDir: Object.freeze({ ...local.dataDir }) });
      expect(plan(frozen)).toEqual(decided);
    }
  });

  it('a plan is plain JSON, and each wait names its rule and a reason', () => {
    for (const { decided } of planned) {
      expect(JSON.parse(JSON.stringify(decided))).toEqual(decided);
      for (const { rule, reason } of decided.waiting) {
        expect(Object.keys(rules)).toContain(rule);
        expect(reason).not.toBe('');
      }
    }
  });
});

describe('after a crash between any two steps', () => {
  it('the next plan does exactly what was left, and then nothing', () => {
    for (const { local, decided } of planned) {
      let seen = local;
      for (const [index, step] of decided.steps.entries()) {
        expect(plan(seen).steps, JSON.stringify(local)).toEqual(decided.steps.slice(index));
        seen = after(seen, step);
      }
      expect(plan(seen).steps, JSON.stringify(local)).toEqual([]);
    }
  });

  it('there is never a moment with a WAL, no permit and etcd.conf still new, if the permit was there before', () => {
    for (const { local, decided } of planned) {
      if (!local.hasSpec || !ourWal(local) || !local.permit) continue;
      let seen = local;
      for (const step of decided.steps) {
        seen = after(seen, step);
        expect(!seen.permit && seen.confState === 'new', JSON.stringify(local)).toBe(false);
        expect(!seen.permit && seen.stage === 'claimed', JSON.stringify(local)).toBe(false);
      }
    }
  });
});
