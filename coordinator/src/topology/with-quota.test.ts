import { expect, it } from 'vitest';
import type { Topology } from './read.js';
import { withQuota } from './with-quota.js';

const topology = { etcd: { clientPort: 2379 } } as Topology;

it.each([
  [
    'an etcd section',
    'name: a # mine\netcd: { clientPort: 2379 }\n',
    'name: a # mine\netcd: { clientPort: 2379, quotaBackendBytes: 64 }\n',
  ],
  ['none', 'name: a\n', 'name: a\netcd:\n  quotaBackendBytes: 64\n'],
  [
    'another quota',
    'etcd:\n  # room\n  quotaBackendBytes: 32\n',
    'etcd:\n  # room\n  quotaBackendBytes: 64\n',
  ],
])('a file with %s gets the quota and stays as it was written', (_name, before, after) => {
  const changed = withQuota(topology, before, 64);
  expect(changed.text).toBe(after);
  expect(changed.topology.etcd).toEqual({ clientPort: 2379, quotaBackendBytes: 64 });
});
