/**
 * A child process that runs seeds and scenarios for run-many.ts. Many are run twice, as their jobs say: a run that cannot be
 * repeated proves nothing and cannot be looked into.
 */
import { scenarios } from '../../scenarios/index.js';
import { plants, scenarioPlants } from './plants.js';
import { runScenario } from './run-scenario.js';
import { runSeed, type Verdict } from './run-seed.js';
import type { ServiceFlavour } from './sim-services.js';

/** `twice`: a second run must give the same log. */
export type Job =
  | { readonly kind: 'seed'; readonly seed: string; readonly plant?: string; readonly twice: boolean }
  | {
      readonly kind: 'scenario';
      readonly name: string;
      readonly plant?: string;
      readonly version: string;
      readonly flavour: ServiceFlavour;
      readonly seed: string;
      readonly twice: boolean;
    };

export interface JobResult {
  readonly job: Job;
  /** Empty: it passed. */
  readonly failures: readonly string[];
  /** What happened up to the first failure; empty where there was none. */
  readonly log: string;
  readonly wallMs: number;
  readonly simulatedMs: number;
  readonly acts: number;
}

// Code under test makes and drops thousands of errors; their stacks would take a quarter of the time. Whoever fails is run again
// with them.
const stackLinesOfFailures = 10;
Error.stackTraceLimit = 0;

let escaped: unknown;
process.on('unhandledRejection', (error) => {
  escaped = error;
});

// Whoever asked is gone.
process.on('disconnect', () => process.exit());

process.on('message', (job: Job) => {
  void run(job).then((result) => process.send!(result));
});

async function run(job: Job): Promise<JobResult> {
  const result = await runOnce(job);
  // A planted bug is to be found, and not looked into.
  if (result.failures.length === 0 || job.plant !== undefined) return result;
  Error.stackTraceLimit = stackLinesOfFailures;
  const again = await runOnce(job);
  Error.stackTraceLimit = 0;
  // One that cannot be repeated has failed all the same.
  return again.failures.length > 0 ? again : result;
}

async function runOnce(job: Job): Promise<JobResult> {
  const startedMs = performance.now();
  escaped = undefined;
  const failures: string[] = [];
  let first: Verdict | undefined;
  let second: Verdict | undefined;
  try {
    first = await once(job);
    failures.push(
      ...first.breaches.map(
        ({ invariant, atMs, what }) => `${invariant} at ${(atMs / 1000).toFixed(1)} s: ${what}`,
      ),
    );
    if (failures.length === 0 && job.twice) {
      second = await once(job);
      if (second.log !== first.log)
        failures.push(`two runs differ: ${firstDifference(first.log, second.log)}`);
    }
  } catch (error) {
    failures.push(`the run broke: ${(error as Error).stack}`);
  }
  if (escaped !== undefined) failures.push(`a promise was left rejected: ${(escaped as Error).stack}`);
  return {
    job,
    failures,
    log: failures.length === 0 ? '' : (first?.log ?? ''),
    wallMs: performance.now() - startedMs,
    simulatedMs: (first?.simulatedMs ?? 0) + (second?.simulatedMs ?? 0),
    acts: first?.acts ?? 0,
  };
}

function once(job: Job): Promise<Verdict> {
  if (job.kind === 'seed') return runSeed(job.seed, plants[job.plant ?? '']);
  const scenario = scenarios.find(({ name }) => name === job.name);
  if (scenario === undefined) throw new Error(`no scenario ${job.name}`);
  return runScenario(scenario, job, scenarioPlants[job.plant ?? '']?.plant);
}

function firstDifference(one: string, other: string): string {
  const [left, right] = [one.split('\n'), other.split('\n')];
  const at = left.findIndex((line, index) => line !== right[index]);
  return `line ${at + 1}: ${left[at]} / ${right[at]}`;
}
