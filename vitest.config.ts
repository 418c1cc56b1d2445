import { defineConfig } from 'vitest/config';

// Three projects: `unit` runs beside the code and in parallel; `integration` starts real etcd processes and `hosts`
// boots whole machines, so their files run one after the other: on two cores concurrent clusters would only time each
// other out.
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
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
