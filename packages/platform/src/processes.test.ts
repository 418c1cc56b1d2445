import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { isSameProcess, parseStat, processIdentity, signal } from './processes.js';
import { eventually } from './testing/scratch.js';

function sleeper() {
  const child = spawn('/bin/sleep', ['60']);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function identityOf(pid: number | undefined) {
  const found = await processIdentity(pid ?? 0);
  if (found.kind !== 'running') {
    throw new Error('it should run');
  }
  return found.identity;
}

test('a process keeps its identity while it runs and is gone afterwards', async () => {
  const child = sleeper();
  const identity = await identityOf(child.pid);
  expect(await identityOf(child.pid)).toEqual(identity);
  expect(await isSameProcess(identity)).toBe(true);
  const ended = once(child, 'exit');
  expect(await signal(identity, 'SIGTERM')).toBe('sent');
  expect((await ended)[1]).toBe('SIGTERM');
  expect(await processIdentity(identity.pid)).toEqual({ kind: 'gone' });
  expect(await signal(identity, 'SIGTERM')).toBe('gone');
});

test('a process that got the pid of an earlier one is not signalled', async () => {
  const child = sleeper();
  const identity = await identityOf(child.pid);
  expect(await signal({ ...identity, startTicks: identity.startTicks - 1 }, 'SIGKILL')).toBe('gone');
  expect(await signal({ ...identity, bootId: 'another boot' }, 'SIGKILL')).toBe('gone');
  expect(await isSameProcess(identity)).toBe(true);
});

test('a zombie counts as gone', async () => {
  // The shell becomes sleep by exec before its child ends, and sleep never waits for a child.
  const parent = spawn('/bin/sh', ['-c', '/bin/sleep 0.2 & echo $!; exec /bin/sleep 60']);
  onTestFinished(() => {
    parent.kill('SIGKILL');
  });
  const [output] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(output.toString().trim());
  await eventually(async () => (await processIdentity(pid)).kind === 'gone');
  expect(() => process.kill(pid, 0)).not.toThrow();
});

test('a process name cannot forge the fields behind it', () => {
  const name = fc.string({ unit: fc.constantFrom('a', ' ', '(', ')', 'Z', '1'), maxLength: 15 });
  fc.assert(
    fc.property(name, fc.nat(), fc.nat(), (comm, sessionId, startTicks) => {
      const line = `12 (${comm}) S 1 12 ${sessionId} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 ${startTicks} 99 100\n`;
      expect(parseStat(line)).toEqual({ sessionId, startTicks });
      expect(parseStat(line.replace(`(${comm}) S`, `(${comm}) Z`))).toBeUndefined();
    }),
  );
});
