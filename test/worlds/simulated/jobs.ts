/** What there is to run, as jobs for run-many.ts. */
import { scenarios } from '../../scenarios/index.js';
import type { Job } from './seed-worker.js';

/** One version of each rule that differs: voters only, learners, and both ways of judging an add. */
const versions = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'];
/** One run of so many is repeated: what makes runs differ is in all of them. */
const repeatedEvery = 10;

export function seedJobs(from: number, count: number, plant?: string): Job[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'seed' as const,
    seed: String(from + index),
    // A planted bug is only to be found once.
    twice: plant === undefined && (from + index) % repeatedEvery === 0,
    ...(plant === undefined ? {} : { plant }),
  }));
}

/** Every scenario with every version, service managers in turn; with one version, in turn too, it is repeated. */
export function scenarioJobs(): Job[] {
  return scenarios.flatMap(({ name }, at) =>
    versions.map((version, turn) => ({
      kind: 'scenario' as const,
      name,
      version,
      flavour: (at + turn) % 2 === 0 ? ('systemd' as const) : ('process' as const),
      seed: `${name} ${version}`,
      twice: at % versions.length === turn,
    })),
  );
}
