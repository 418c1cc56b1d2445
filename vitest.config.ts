import { defineConfig } from 'vitest/config';

// Two projects: `unit` runs beside the code and in parallel; `integration` starts real etcd processes, so its
// files run one after the other: on two cores concurrent clusters would only time each other out.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{agent,coordinator,packages/*}/src/**/*.test.ts', 'test/unit/**/*.test.ts', 'scripts/**/*.test.mjs'],
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
    ],
  },
});
