import { EtcdError } from '@etcd-agent/etcd';
import { FileError, ServiceError } from '@etcd-agent/platform';
import { Fault } from '@etcd-agent/protocol';
import { expect, it } from 'vitest';
import { withHostFaults } from './host-faults.js';

const throwing = (error: unknown) =>
  withHostFaults({ method: () => Promise.reject(error) } as never) as never as Record<
    string,
    () => Promise<unknown>
  >;

it('a full disk is told with its path and what to do', async () => {
  const error = await caught(
    new FileError('write', '/etc/etcd/etcd.conf', 'ENOSPC', 'no space left on device'),
  );
  expect(error).toBeInstanceOf(Fault);
  expect(error).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('/etc/etcd/etcd.conf'),
    hint: expect.stringContaining('df /etc/etcd'),
  });
});

it("a service manager's refusal is told", async () => {
  expect(await caught(new ServiceError('start', 'the unit is masked', false))).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('masked'),
  });
});

it('the words of etcd are told', async () => {
  const refusal = new EtcdError('unhealthyCluster', 'https://10.0.0.1:2379', 'unhealthy cluster');
  expect(await caught(refusal)).toMatchObject({
    kind: 'failed',
    message: expect.stringContaining('unhealthy cluster'),
  });
});

it('what is not known to be harmless stays an inner error', async () => {
  const inner = new TypeError('secret detail');
  expect(await caught(inner)).toBe(inner);
});

async function caught(error: unknown): Promise<unknown> {
  return throwing(error).method!().catch((reason: unknown) => reason);
}
