// npm run sim -- [--seeds N] [--from S] [--jobs J] [--verbose]: runs N simulated clusters, from seed S on, each with the
// faults that its seed gives, every twentieth seed twice. A seed that fails is printed with what happened and how to run it again. Exit
// code 0 only when every seed passed. `--scenarios` runs the scenarios instead, `--scenario NAME [--version V]` those whose
// names contain NAME. `--restores`: each seed restores the whole cluster, under faults.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, runScript } from './setup/failure.mjs';
import { root } from './setup/paths.mjs';
import { prepare } from './setup/prepare.mjs';

/** Of the log of a seed that failed, unless --verbose. */
const logLinesMax = 60;

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      plant: { type: 'string' },
      scenarios: { type: 'boolean', default: false },
      scenario: { type: 'string' },
      version: { type: 'string' },
      restores: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
    },
  });
  const whole = (name) => {
    if (/^[1-9]\d*$/.test(values[name])) return Number(values[name]);
    throw new Failure({
      what: `--${name} ${values[name]} is not a number above 0`,
      where: 'npm run sim',
      next: 'npm run sim -- --seeds 100 --from 1',
    });
  };
  const [seeds, from, workers] = ['seeds', 'from', 'jobs'].map(whole);
  await prepare();
  const worlds = join(root, 'test/dist/worlds/simulated');
  const { runMany } = await import(join(worlds, 'run-many.js'));
  const { scenarioJobs, seedJobs } = await import(join(worlds, 'jobs.js'));
  const { plantNames } = await import(join(worlds, 'plants.js'));
  const { restoring } = await import(join(worlds, 'run-seed.js'));
  const { tellFailure } = await import(join(worlds, 'tell-failure.js'));
  if (values.plant !== undefined && !plantNames.includes(values.plant))
    throw new Failure({
      what: `there is no planted bug "${values.plant}"`,
      where: 'npm run sim',
      next: `--plant one of: ${plantNames.join(', ')}`,
    });
  const areScenarios = values.scenarios || values.scenario !== undefined;
  const jobs = areScenarios
    ? chosen(scenarioJobs(true), values.scenario, values.version)
    : seedJobs(from, seeds, values.plant, values.restores ? restoring : '');
  const startedMs = performance.now();
  let passed = 0;
  let acts = 0;
  let simulatedMs = 0;
  const failed = [];
  await runMany(jobs, {
    workers,
    onResult: (result) => {
      acts += result.acts;
      simulatedMs += result.simulatedMs;
      if (result.failures.length === 0) passed += 1;
      else {
        failed.push(result);
        console.log(`\n${tellFailure(result, values.verbose ? Number.POSITIVE_INFINITY : logLinesMax)}`);
      }
      progress(passed + failed.length, jobs.length, failed.length);
    },
  });
  const seconds = (performance.now() - startedMs) / 1000;
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  console.log(
    `${jobs.length} runs, ${failed.length} failed, ${acts} acts of agents, ${(simulatedMs / 3_600_000).toFixed(1)} simulated hours in ${seconds.toFixed(1)} s (${((seconds * 1000) / jobs.length).toFixed(0)} ms each)`,
  );
  return failed.length === 0 ? 0 : 1;
});

function chosen(jobs, name = '', version = undefined) {
  const found = jobs.filter(
    (job) => job.name.includes(name) && (version === undefined || job.version === version),
  );
  if (found.length > 0) return found;
  throw new Failure({
    what: `there is no scenario "${name}"${version === undefined ? '' : ` with etcd ${version}`}`,
    where: 'npm run sim',
    next: `a part of a name in test/scenarios, and --version one of: ${[...new Set(jobs.map((job) => job.version))].join(', ')}`,
  });
}

function progress(done, of, failed) {
  if (process.stdout.isTTY) process.stdout.write(`\r${done} of ${of} runs, ${failed} failed`);
}
