import { defineConfig } from 'vitest/config';

// Four projects: `unit` runs beside the code and in parallel; `simulated` runs thousands of simulated clusters on child
// processes of its own; `integration` starts real etcd processes and `hosts` boots whole machines, so their files run one
// after the other: on two cores concurrent clusters would only time each other out.
const seeds = 'test/worlds/simulated/seeds.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{agent,coordinator,packages/*}/src/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/worlds/**/*.test.ts',
            'scripts/**/*.test.mjs',
          ],
          exclude: ['**/node_modules/**', seeds],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'simulated',
          include: [seeds],
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
