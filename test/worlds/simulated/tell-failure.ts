/** A run that failed, for a person: what was done to the cluster, what broke, how it ended, and how to see it again. */
import { restoring } from './run-seed.js';
import type { Job, JobResult } from './seed-worker.js';

/** What the world does to the cluster, in the log. */
const doneToIt = / (seed|scenario|fault|danger) /;

/** `logLinesMax`: so many lines of the log's end. */
export function tellFailure({ job, failures, log }: JobResult, logLinesMax: number): string {
  const lines = log.trimEnd().split('\n');
  const indented = (text: readonly string[], by: string) => text.map((line) => `${by}${line}`);
  return [
    `failed: ${nameOf(job)}`,
    ...indented(
      lines.filter((line) => doneToIt.test(line)),
      '  ',
    ),
    ...indented(failures, '  '),
    ...indented(lines.slice(-logLinesMax), '    '),
    `again: ${commandOf(job)}`,
  ].join('\n');
}

function nameOf(job: Job): string {
  return job.kind === 'seed' ? `seed ${job.seed}` : `${job.name} (${job.version}, ${job.flavour})`;
}

function commandOf(job: Job): string {
  const what =
    job.kind === 'seed'
      ? `${job.seed.startsWith(restoring) ? '--restores ' : ''}--seeds 1 --from ${job.seed.replace(restoring, '')}${job.plant === undefined ? '' : ` --plant ${job.plant}`}`
      : `--scenario ${JSON.stringify(job.name)} --version ${job.version}`;
  return `npm run sim -- ${what} --verbose`;
}
