import { describe, expect, it } from 'vitest';
import { EtcdError } from './admin.js';
import { toEtcdError } from './etcd3-errors.js';

const endpoint = 'https://10.0.0.1:2379';

// Texts seen from real servers and from the gRPC channel; the ids and addresses are made up.
describe('why a call to etcd failed', () => {
  it.each([
    [
      '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:2379',
      'unreachable',
      true,
    ],
    ['14 UNAVAILABLE: Name resolution failed for target dns:nowhere:2379', 'unreachable', true],
    [
      '4 DEADLINE_EXCEEDED: Deadline exceeded after 1.501s,LB pick: 0.002s,remote_addr=10.0.0.1:2379',
      'deadline',
      true,
    ],
    ['4 DEADLINE_EXCEEDED: Deadline exceeded after 1.500s,Waiting for LB pick', 'unreachable', true],
    ['4 DEADLINE_EXCEEDED: context deadline exceeded', 'deadline', true],
    ['2 UNKNOWN: context deadline exceeded', 'deadline', true],
    [
      '14 UNAVAILABLE: etcdserver: request timed out, possibly due to previous leader failure',
      'deadline',
      true,
    ],
    ['14 UNAVAILABLE: etcdserver: no leader', 'noLeader', true],
    ['14 UNAVAILABLE: etcdserver: leader changed', 'noLeader', true],
    ['14 UNAVAILABLE: etcdserver: unhealthy cluster', 'unhealthyCluster', true],
    [
      '9 FAILED_PRECONDITION: etcdserver: re-configuration failed due to not enough started members',
      'unhealthyCluster',
      true,
    ],
    [
      '14 UNAVAILABLE: No connection established. Last error: Error: self-signed certificate in chain',
      'tls',
      false,
    ],
    ['7 PERMISSION_DENIED: etcdserver: permission denied', 'permissionDenied', false],
    ['9 FAILED_PRECONDITION: etcdserver: user name not found', 'permissionDenied', false],
    ['3 INVALID_ARGUMENT: etcdserver: user name is empty', 'permissionDenied', false],
    ['8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded', 'alarmed', false],
    ['8 RESOURCE_EXHAUSTED: etcdserver: request is too large', 'other', false],
    ['something nobody has seen', 'other', false],
  ] as const)('%j is %s', (text, kind, retryable) => {
    const cause = new Error(text);
    const error = toEtcdError(endpoint, cause);
    expect(error).toMatchObject({ kind, retryable, endpoint, cause });
    expect(error.message).toBe(`${endpoint}: ${text}`);
  });

  it('is decided once: an EtcdError passes as it is', () => {
    const error = new EtcdError('noLeader', endpoint, 'x');
    expect(toEtcdError('https://elsewhere:1', error)).toBe(error);
  });
});
