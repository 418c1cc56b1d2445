/** What is asked of the host: programs, ports, accounts, facts, time. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { lookupAccount, lookupGroup } from './accounts.js';
import { systemClock } from './clock.js';
import { hostFacts, localAddresses, selfUsage } from './facts.js';
import { probeListen } from './ports.js';
import { processIdentity } from './processes.js';
import { describeResult, runProgram } from './run.js';
import { eventually } from './testing/scratch.js';

test('a program ends as a value: its exit code, its signal, its absence', async () => {
  const options = { timeoutMs: 60_000 };
  expect(await runProgram('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'], options)).toEqual({
    kind: 'exited',
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await runProgram('/bin/sh', ['-c', 'kill -9 $$'], options)).toMatchObject({
    kind: 'signalled',
    signal: 'SIGKILL',
  });
  expect(await runProgram('/no/such/etcd', [], options)).toMatchObject({
    kind: 'notStarted',
    code: 'ENOENT',
  });
});

test('a program gets a plain environment, nothing of ours', async () => {
  process.env.AGENT_SECRET = 'hunter2';
  const result = await runProgram('env', [], { timeoutMs: 60_000 });
  delete process.env.AGENT_SECRET;
  expect(result.stdout).toContain('LC_ALL=C');
  expect(result.stdout).not.toContain('hunter2');
});

test('a program that hangs is ended at its deadline with what it started', async () => {
  const startedMs = performance.now();
  const script = 'sleep 600 & echo $!; wait';
  const result = await runProgram('/bin/sh', ['-c', script], { timeoutMs: 300 });
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  expect(result).toMatchObject({ kind: 'timedOut', timeoutMs: 300 });
  await eventually(async () => (await processIdentity(Number(result.stdout))).kind === 'gone');
  expect(describeResult('sleep', result)).toContain('did not finish within 300 ms');
});

test('a program that floods is ended at its limit', async () => {
  const result = await runProgram('/bin/cat', ['/dev/zero'], { timeoutMs: 20_000, maxBytes: 100_000 });
  expect(result.kind).toBe('tooMuchOutput');
  expect(result.stdout.length).toBeLessThanOrEqual(100_000);
});

test('a port is free, in use, or on an address that is not ours', async () => {
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  expect(await probeListen('127.0.0.1', port)).toEqual({ kind: 'inUse' });
  expect(await probeListen('0.0.0.0', port)).toEqual({ kind: 'inUse' });
  expect(await probeListen('127.0.0.2', port)).toEqual({ kind: 'free' });
  expect(await probeListen('192.0.2.1', port)).toEqual({ kind: 'notLocal' });
  expect(await probeListen('127.0.0.1', 70_000)).toMatchObject({
    kind: 'other',
    code: 'ERR_SOCKET_BAD_PORT',
  });
  server.close();
  await once(server, 'close');
  expect(await probeListen('127.0.0.1', port)).toEqual({ kind: 'free' });
  expect(await probeListen('127.0.0.1', port)).toEqual({ kind: 'free' });
});

test('accounts are found by name; an unknown or odd name is missing', async () => {
  expect(await lookupAccount('root')).toEqual({ kind: 'account', uid: 0, gid: 0, home: '/root' });
  expect(await lookupGroup('root')).toEqual({ kind: 'group', gid: 0 });
  for (const name of ['no-such-user-here', '', '--help', 'root:x', '../etc/passwd']) {
    expect(await lookupAccount(name)).toEqual({ kind: 'missing' });
    expect(await lookupGroup(name)).toEqual({ kind: 'missing' });
  }
});

test('the facts of this host are read once and agree with Node', async () => {
  const facts = await hostFacts();
  expect(facts).toMatchObject({ memoryBytes: totalmem(), os: { platform: 'linux', arch: process.arch } });
  expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
  expect(facts.cpus).toBeGreaterThan(0);
  expect(hostFacts()).toBe(hostFacts());
  expect(localAddresses()).toContainEqual({
    address: '127.0.0.1',
    family: 'IPv4',
    interface: 'lo',
    internal: true,
  });
  expect(selfUsage().rssBytes).toBeGreaterThan(1_000_000);
});

test('a sleep can be cut short and then gives the reason', async () => {
  const controller = new AbortController();
  const reason = new Error('shutting down');
  const slept = systemClock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await expect(slept).rejects.toBe(reason);
  await expect(systemClock.sleep(1, controller.signal)).rejects.toBe(reason);
  const beforeMs = systemClock.monotonicMs();
  await systemClock.sleep(20);
  expect(systemClock.monotonicMs() - beforeMs).toBeGreaterThanOrEqual(19);
});
