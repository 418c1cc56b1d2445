/**
 * Thousands of clusters, each with the faults that its seed gives, and every scenario: no invariant of healing is ever
 * broken. And the other way round: a bug that is planted is found, so that the first half says something.
 *
 * One seed again: npm run sim -- --seeds 1 --from SEED --verbose
 */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { scenarios } from '../../scenarios/index.js';
import { scenarioJobs, seedJobs } from './jobs.js';
import { plantNames } from './plants.js';
import { runMany } from './run-many.js';
import type { Job, JobResult } from './seed-worker.js';

const workers = Math.max(2, Math.min(availableParallelism(), 8));
const seeds = 2_000;
const minutes = 60_000;
/** A planted bug shows within so many seeds. */
const plantedSeedsMax = 500;
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

function told({ job, failures, log }: JobResult): string {
  const again = job.kind === 'seed' ? `npm run sim -- --seeds 1 --from ${job.seed} --verbose` : job.name;
  const end = log.trimEnd().split('\n').slice(-logLinesMax).join('\n');
  return `${JSON.stringify(job)}\n${failures.join('\n')}\n${end}\n${again}`;
}

describe('whatever happens to a cluster', () => {
  it(`breaks no invariant: ${seeds} seeds`, { timeout: 40 * minutes }, async () => {
    expect((await failuresOf(seedJobs(1, seeds), 3)).map(told)).toEqual([]);
  });
});

describe('scenarios', () => {
  it('have names of their own', () => {
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });

  it(`all ${scenarios.length} end as they must, with four versions of etcd`, {
    timeout: 20 * minutes,
  }, async () => {
    expect((await failuresOf(scenarioJobs(), 3)).map(told)).toEqual([]);
  });
});

describe('a bug that is planted is found', () => {
  it.each(plantNames)('%s', { timeout: 20 * minutes }, async (plant) => {
    const [found] = await failuresOf(seedJobs(1, plantedSeedsMax, plant), 1);
    expect(found?.failures[0], `no seed of ${plantedSeedsMax} failed`).toMatch(/^I[1-9] at /);
  });
});
