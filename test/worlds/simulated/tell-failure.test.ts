import { describe, expect, it } from 'vitest';
import type { Job, JobResult } from './seed-worker.js';
import { tellFailure } from './tell-failure.js';

function failed(job: Job): JobResult {
  const log = [
    '    1.000 seed     7 {"nodes":3}',
    '    2.000 fault    {"kind":"kill","on":"etcd1"}',
    '    3.000 etcd1    agent starts',
    '    4.000 etcd1    agent ends',
  ];
  return {
    job,
    failures: ['I6 at 4.0 s: not healed'],
    log: `${log.join('\n')}\n`,
    wallMs: 1,
    simulatedMs: 1,
    acts: 0,
  };
}

describe('a failure that is told', () => {
  it('has the faults of the run, though they are long past, and the end of its log', () => {
    const lines = tellFailure(failed({ kind: 'seed', seed: '7', twice: true }), 1).split('\n');
    expect(lines).toContain('      2.000 fault    {"kind":"kill","on":"etcd1"}');
    expect(lines).toContain('  I6 at 4.0 s: not healed');
    expect(lines.filter((line) => line.includes('agent'))).toEqual(['        4.000 etcd1    agent ends']);
  });

  it.each<[Job, string]>([
    [{ kind: 'seed', seed: '7', twice: true }, 'npm run sim -- --seeds 1 --from 7 --verbose'],
    [
      { kind: 'seed', seed: '7', plant: 'emptyStart', twice: false },
      'npm run sim -- --seeds 1 --from 7 --plant emptyStart --verbose',
    ],
    [
      { kind: 'scenario', name: 'a kill', version: '3.4.23', flavour: 'process', seed: 'x', twice: true },
      'npm run sim -- --scenario "a kill" --version 3.4.23 --verbose',
    ],
  ])('ends with the command that repeats it', (job, command) => {
    expect(tellFailure(failed(job), 1).split('\n').at(-1)).toBe(`again: ${command}`);
  });
});
