import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Five projects: `unit` runs beside the code; `simulated` runs thousands of simulated clusters on child processes of its own;
// `integration` starts real etcd processes. Those wait a lot, so that four of their files at a time go well on two cores; with
// more, concurrent clusters would time each other out. `hosts` boots whole machines: a lab for each of two files at a time.
// scripts/test.mjs says what runs beside what.
// `timed` compares what etcd does by the second: of what has real etcds it runs alone.
const seeds = 'test/worlds/simulated/seeds.test.ts';
const timed = 'test/integration/model.test.ts';

/** Beside the code, and yet no unit tests: real etcds, or what must be over in a second, take their CPU before others. */
const besideCode = [
  '{agent,packages/etcd}/src/**/real-etcd*.test.ts',
  'packages/platform/src/{exclusive,link,services-process}.test.ts',
];

const thorough = process.env.ETCD_AGENT_TEST_THOROUGH !== undefined;
/** What booted hosts and the simulation tell too, or a cluster of three: `npm run test:thorough` runs it. */
const leftOut = thorough
  ? []
  : ['heal-five', 'heal-interrupted', 'heal-partition', 'heal-quorum', 'recover-five'].map(
      (what) => `test/integration/${what}.test.ts`,
    );

/**
 * Files share their worker's process and what it has loaded: loading that anew for each of a hundred files took a third of
 * their CPU. Node's TLS must be whole before any of them: one that begins elsewhere in it leaves the next `tls.createSecureContext`
 * undefined.
 */
const unisolated = { isolate: false, execArgv: ['--require', 'tls'] };

/** What a file has left running ends with it. */
const closing = { setupFiles: ['test/support/close-workspaces.ts'] };

/** Begun first, so that none of them is left running alone at the end. */
const longest = [
  'integration/recover',
  'integration/playground',
  'integration/resume-agents',
  'integration/heal-process',
  'integration/restore',
  'integration/restore-away',
  'integration/snapshots',
  'integration/heal-data',
  'integration/versions',
  'hosts/scenarios',
  'hosts/rounds',
  'hosts/healing',
  'hosts/systemd',
  'hosts/data-safety',
  'hosts/packages',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.includes(`/test/${name}.`));
      return found === -1 ? longest.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{agent,coordinator,packages/*}/src/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/worlds/**/*.test.ts',
            'scripts/**/*.test.mjs',
            'packaging/{contents,let-etcd-start}.test.mjs',
          ],
          exclude: ['**/node_modules/**', seeds, ...besideCode],
          ...unisolated,
          maxWorkers: 3,
          // They run at the lowest priority, beside whole machines that boot; strikes at every step take minutes.
          testTimeout: thorough ? 1_800_000 : 600_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'simulated',
          include: [seeds],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'timed',
          maxConcurrency: 8,
          include: [timed],
          env: { ETCD_AGENT_TEST_PORTS: '7000' },
          ...closing,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'packaging/build.test.mjs', ...besideCode],
          exclude: ['**/node_modules/**', timed, ...leftOut],
          ...unisolated,
          ...closing,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.test.ts'],
          globalSetup: ['test/hosts/lab/leftovers.ts'],
          // Labs have as many bays.
          maxWorkers: 2,
          sequence: { groupOrder: 4 },
          // Far more than any takes: what is waited for in it has a limit of its own, and says what was missing.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
