/** Runs jobs on child processes, a few at a time, and hands over each result as it comes. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Job, JobResult } from './seed-worker.js';

export interface ManyOptions {
  /** Child processes at once. */
  readonly workers: number;
  readonly onResult: (result: JobResult) => void;
  /** Asked before each job: nothing more is begun when it says so. */
  readonly enough?: () => boolean;
}

/** One job that takes longer has hung: jobs run at the lowest priority, beside others. */
const jobMsMax = 900_000;

export async function runMany(
  jobs: readonly Job[],
  { workers, onResult, enough }: ManyOptions,
): Promise<void> {
  const queue = [...jobs];
  await Promise.all(
    Array.from({ length: Math.min(workers, jobs.length) }, async () => {
      let worker = startWorker();
      try {
        for (;;) {
          const job = enough?.() === true ? undefined : queue.shift();
          if (job === undefined) return;
          const result = await runOn(worker, job);
          onResult(result);
          if (!worker.connected) worker = startWorker();
        }
      } finally {
        worker.kill('SIGKILL');
      }
    }),
  );
}

type Worker = ReturnType<typeof fork>;

function startWorker(): Worker {
  // What a run makes lives as long as the run: fewer collections, a twentieth less CPU.
  const execArgv = ['--max-semi-space-size=64'];
  // The Node that the packages carry runs it where it is at hand, a fifth faster than Node 20: the logs are the same.
  const execPath = process.env.ETCD_AGENT_TEST_RUNTIME ?? process.execPath;
  return fork(workerFile(), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execPath, execArgv });
}

/** Beside this file where it was compiled; in dist where the sources are run. */
function workerFile(): string {
  const beside = resolve(import.meta.dirname, 'seed-worker.js');
  return existsSync(beside)
    ? beside
    : resolve(import.meta.dirname, '../../dist/worlds/simulated/seed-worker.js');
}

function runOn(worker: Worker, job: Job): Promise<JobResult> {
  return new Promise((resolve) => {
    const failed = (why: string) => {
      worker.kill('SIGKILL');
      finish({ job, failures: [why], log: '', wallMs: jobMsMax, simulatedMs: 0, acts: 0 });
    };
    const late = setTimeout(() => failed(`it did not end within ${jobMsMax / 1000} s`), jobMsMax);
    const onExit = () => failed('its process ended');
    const finish = (result: JobResult) => {
      clearTimeout(late);
      worker.off('message', finish);
      worker.off('exit', onExit);
      resolve(result);
    };
    worker.on('message', finish);
    worker.on('exit', onExit);
    worker.send(job);
  });
}
