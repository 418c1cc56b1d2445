/** The main job from topology to a healthy cluster, on every etcd that is supported, looked at with etcd's own tools. */
import { expect, test } from 'vitest';
import { describeOutcome, testCluster } from '../support/index.js';

test('bootstraps', async () => {
  const cluster = await testCluster();
  await cluster.prepare();
  const outcome = await cluster.bootstrap();
  expect(outcome.code, describeOutcome(outcome)).toBe(0);
});
