/** A round in which an operator restores the cluster, and perhaps takes that back, while hosts, agents and the coordinator fail. */
import type { Fault, Target, TimedFault } from '../../scenarios/scenario.js';
import type { SimChance } from './chance.js';
import type { Round } from './schedule.js';

/** A restore that nothing disturbs is over by then. */
const restoreMs = 6_000;
const againMs = 60_000;

export function operationRound(chance: SimChance, names: readonly Target[]): Round {
  const faults: TimedFault[] = [];
  const at = (atMs: number, fault: Fault) => faults.push({ atMs, fault });
  const [away, lost] = chance.shuffled(names);
  const without = chance.happens(0.35) ? [away!] : [];
  const backMs = chance.between(10_000, 60_000);
  for (const on of without) {
    const how = chance.int(0, 3);
    if (how === 0) at(0, { kind: 'powerCut', on, forMs: backMs });
    else if (how === 1) at(0, { kind: 'stopAgent', on, forMs: backMs });
    else if (how === 2) at(0, { kind: 'silence', on });
  }
  if (chance.happens(0.3))
    at(0, { kind: 'wipe', on: lost!, etcd: chance.happens(0.5) ? 'running' : 'killed' });
  const beginMs = chance.between(1_000, 6_000);
  at(beginMs, { kind: 'restore', without });
  disturb(chance, names, beginMs, at);
  if (chance.happens(0.5)) {
    const undoMs =
      beginMs + (chance.happens(0.4) ? chance.between(0, restoreMs) : chance.between(restoreMs, againMs));
    at(undoMs, { kind: 'undoRestore', without: chance.happens(0.7) ? without : [] });
    disturb(chance, names, undoMs, at);
  }
  at(backMs, { kind: 'mendNetwork' });
  at(Math.max(backMs, beginMs) + againMs, { kind: 'resumeRestore' });
  return { faults: faults.sort((a, b) => a.atMs - b.atMs), ends: 'healed' };
}

function disturb(
  chance: SimChance,
  names: readonly Target[],
  beginMs: number,
  at: (atMs: number, fault: Fault) => void,
): void {
  for (let count = chance.int(0, 3); count > 0; count--) {
    const ms = beginMs + chance.between(0, restoreMs);
    const on = chance.pick(names);
    const forMs = chance.between(300, 20_000);
    const kind = chance.pick(['killAgent', 'powerCut', 'stopAgent', 'kill', 'coordinator', 'all'] as const);
    if (kind === 'coordinator') at(ms, { kind: 'killCoordinator', forMs });
    else if (kind === 'kill') at(ms, { kind, on });
    else if (kind === 'all') at(ms, { kind: 'powerCut', on: 'all', forMs });
    else at(ms, { kind, on, forMs });
  }
}
