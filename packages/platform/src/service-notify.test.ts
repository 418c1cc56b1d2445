import { expect, test } from 'vitest';
import type { ProgramResult } from './run.js';
import { notifyArguments, notifySettings, systemdNotify } from './service-notify.js';

const socket = '/run/systemd/notify';
const done: ProgramResult = { kind: 'exited', code: 0, stdout: '', stderr: '' };

test('an agent of a checkout or a container has nobody to tell', () => {
  expect(notifySettings({}, 7)).toBeUndefined();
  expect(notifySettings({ NOTIFY_SOCKET: '' }, 7)).toBeUndefined();
  expect(notifySettings({ NOTIFY_SOCKET: 'relative', WATCHDOG_USEC: '1' }, 7)).toBeUndefined();
});

test.each([
  [{ NOTIFY_SOCKET: socket }, { socket, watchdogMs: undefined }],
  [{ NOTIFY_SOCKET: '@abstract' }, { socket: '@abstract', watchdogMs: undefined }],
  [
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '90000000' },
    { socket, watchdogMs: 90_000 },
  ],
  [
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '90000000', WATCHDOG_PID: '7' },
    { socket, watchdogMs: 90_000 },
  ],
  // The watchdog of whoever started this process is not for it.
  [
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '90000000', WATCHDOG_PID: '6' },
    { socket, watchdogMs: undefined },
  ],
  [
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '0' },
    { socket, watchdogMs: undefined },
  ],
  [
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: 'soon' },
    { socket, watchdogMs: undefined },
  ],
])('what systemd asks for is read from the environment: %j', (environment, settings) => {
  expect(notifySettings(environment, 7)).toEqual(settings);
});

test('a value stays one assignment, and short', () => {
  expect(notifyArguments({ READY: '1', STATUS: 'all\nMAINPID=1\r\0is well' })).toEqual([
    'READY=1',
    'STATUS=all MAINPID=1 is well',
  ]);
  const [long] = notifyArguments({ STATUS: '😀'.repeat(1_000) });
  expect([...long!]).toHaveLength('STATUS='.length + 300);
  expect(long).toMatch(/😀…$/u);
});

test('systemd-notify is told where to send by its environment, which holds nothing else of ours', async () => {
  const calls: unknown[] = [];
  await systemdNotify({ socket, watchdogMs: undefined }, async (args, env) => {
    calls.push(args, env);
    return done;
  })({ WATCHDOG: '1' });
  expect(calls).toEqual([['WATCHDOG=1'], { NOTIFY_SOCKET: socket, PATH: expect.any(String), LC_ALL: 'C' }]);
});

test('a systemd that was not told is an error with the reason', async () => {
  const notify = systemdNotify({ socket, watchdogMs: undefined }, async () => ({
    ...done,
    code: 1,
    stderr: 'Failed to notify init system: Connection refused',
  }));
  await expect(notify({ READY: '1' })).rejects.toThrow('Connection refused');
});
