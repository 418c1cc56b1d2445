/**
 * Thousands of clusters, each with the faults that its seed gives, and every scenario: no invariant of healing is ever broken
 * (`npm run sim -- --scenarios` runs them with every version). And the other way round: a bug that is planted is found, so that the
 * first half says something. What fails says how it is run again.
 */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { scenarios } from '../../scenarios/index.js';
import { thorough } from '../../support/thorough.js';
import { scenarioJobs, scenarioPlantJobs, seedJobs } from './jobs.js';
import { plantNames, scenarioPlants } from './plants.js';
import { runMany } from './run-many.js';
import { restoring } from './run-seed.js';
import type { Job, JobResult } from './seed-worker.js';
import { tellFailure } from './tell-failure.js';

const workers = Math.max(2, Math.min(availableParallelism(), 8));
const seeds = 2_000;
/** Each of them restores the whole cluster, under faults: they have shown mistakes. `npm run sim -- --restores` runs any number. */
const restores = [37, 42, 95, 141];
const minutes = 60_000;
/** A planted bug shows within so many seeds. */
const plantedSeedsMax = 500;
/** Where those that hide begin: just before the first seed that has shown them, which saves the runs up to there. */
const plantedFrom: Readonly<Record<string, number>> = {
  lockTrusted: 60,
  rolledBackStarted: 240,
  topologyAsInitialCluster: 55,
};
/** Of the log of a failure. */
const logLinesMax = 80;

async function failuresOf(jobs: readonly Job[], atMost: number): Promise<JobResult[]> {
  const failed: JobResult[] = [];
  await runMany(jobs, {
    workers,
    onResult: (result) => {
      if (result.failures.length > 0) failed.push(result);
    },
    enough: () => failed.length >= atMost,
  });
  return failed;
}

/** The message is for people: a difference of long texts is not. */
function expectNone(failed: readonly JobResult[]): void {
  if (failed.length > 0)
    expect.fail(`\n${failed.map((result) => tellFailure(result, logLinesMax)).join('\n\n')}`);
}

describe('whatever happens to a cluster', () => {
  it(`breaks no invariant: ${seeds} seeds, and some that restore it`, { timeout: 40 * minutes }, async () => {
    const jobs = restores.flatMap((seed) => seedJobs(seed, 1, undefined, restoring));
    expectNone(await failuresOf([...jobs, ...seedJobs(1, seeds)], 3));
  });
});

describe('scenarios', () => {
  it('have names of their own', () => {
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });

  it(`all ${scenarios.length} end as they must, with ${thorough ? 'four' : 'two'} versions of etcd`, {
    timeout: 20 * minutes,
  }, async () => {
    expectNone(await failuresOf(scenarioJobs(thorough), 3));
  });
});

describe('a bug that is planted is found', () => {
  it.each(plantNames)('%s', { timeout: 20 * minutes }, async (plant) => {
    const [found] = await failuresOf(seedJobs(plantedFrom[plant] ?? 1, plantedSeedsMax, plant), 1);
    expect(found?.failures[0], `no seed of ${plantedSeedsMax} failed`).toMatch(/^I\d+ at /);
  });

  it(`${Object.keys(scenarioPlants).join(', ')}: each by its scenario`, {
    timeout: 20 * minutes,
  }, async () => {
    const jobs = Object.keys(scenarioPlants).flatMap(scenarioPlantJobs);
    const failed = await failuresOf(jobs, jobs.length);
    // As text, so that what came instead of a breach can be read.
    const found = failed.map(({ job, failures }) => `${job.plant}: ${failures[0]}`);
    const wanted = Object.entries(scenarioPlants).map(
      ([plant, { breaks }]) => `${plant}: (${[breaks].flat().join('|')}) at `,
    );
    expect(found.sort()).toEqual(wanted.sort().map((text) => expect.stringMatching(`^${text}`)));
  });
});
