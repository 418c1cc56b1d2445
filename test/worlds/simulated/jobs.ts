/** What there is to run, as jobs for run-many.ts. */
import { scenarios } from '../../scenarios/index.js';
import { scenarioPlants } from './plants.js';
import type { Job } from './seed-worker.js';

/** One version of each rule that differs: voters only, learners, and both ways of judging an add. */
const versions = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'];
const versionWithoutLearners = '3.3.25';
const managers = ['systemd', 'process'] as const;
const withLearners = versions.filter((version) => version !== versionWithoutLearners);
/** One run of so many is repeated: what makes runs differ is in all of them. */
const repeatedEvery = 20;

/** `kind`: of what is done to the cluster, see run-seed.ts. */
export function seedJobs(from: number, count: number, plant?: string, kind = ''): Job[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'seed' as const,
    seed: `${kind}${from + index}`,
    // A planted bug is only to be found once.
    twice: plant === undefined && (from + index) % repeatedEvery === 0,
    ...(plant === undefined ? {} : { plant }),
  }));
}

/**
 * Every scenario, service managers in turn: without learners where it needs none, and on a version that has them, in turn. A
 * restore is much the same with all of them, and is run with one. The last of each is repeated, of the restores a third.
 * `all`: with every version.
 */
export function scenarioJobs(all = false): Job[] {
  return scenarios.flatMap(({ name, faults, needsLearners }, at) => {
    const isRestore = faults.some(({ fault }) => fault.kind === 'restore');
    const able = versions.filter((version) => !needsLearners || version !== versionWithoutLearners);
    const some = isRestore
      ? [inTurn(able, at)]
      : able.filter((version) => version === versionWithoutLearners || version === inTurn(withLearners, at));
    const repeated = !isRestore || at % 3 === 0 ? some.at(-1) : undefined;
    return (all ? able : some).map((version) => ({
      kind: 'scenario' as const,
      name,
      version,
      flavour: managers[(version === versionWithoutLearners ? at : at + 1 + Math.floor(at / 3)) % 2]!,
      seed: `${name} ${version}`,
      twice: version === repeated,
    }));
  });
}

function inTurn(from: readonly string[], at: number): string {
  return from[at % from.length]!;
}

/** The scenario that shows a planted bug, with one version. */
export function scenarioPlantJobs(plant: string): Job[] {
  const { scenario } = scenarioPlants[plant]!;
  return scenarioJobs(true).flatMap((job) =>
    job.kind === 'scenario' && job.version === versions.at(-1) && job.name.includes(scenario)
      ? [{ ...job, plant, twice: false }]
      : [],
  );
}
