/** What `npm test` samples, and `npm run test:thorough` runs whole. */
import { type TestContext, test } from 'vitest';

/** Whether everything is asked for. */
export const thorough = process.env.ETCD_AGENT_TEST_THOROUGH !== undefined;

/** Some of many that are much the same: the first of each `stride`; all where everything is asked for. */
export function sampled<T>(all: readonly T[], stride: number): readonly T[] {
  return thorough ? all : all.filter((_, at) => at % stride === 0);
}

/** A test of what booted hosts, or other tests, show too. */
export function thoroughTest(name: string, tell: (context: TestContext) => Promise<void>): void {
  if (thorough) test(name, tell);
}
