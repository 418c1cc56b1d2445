/** What ssh says, in the words and exit codes of this program. */
import { expect, it } from 'vitest';
import { sshFailure } from './ssh-failure.js';

const n0 = { node: 'n0', host: '10.0.0.1', byHand: 'ssh -F f 10.0.0.1' };
const said = (stderr: string, code = 255) => ({ kind: 'exited', code, stdout: '', stderr }) as const;

it.each([
  [
    'No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\nHost key verification failed.\n',
    'identity',
    'not known here',
    'fingerprint',
  ],
  [
    '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n',
    'identity',
    'not the known one',
    'ssh-keygen -R',
  ],
  [
    'ann@10.0.0.1: Permission denied (publickey,password).\n',
    'identity',
    'does not let this account in',
    'ssh-add',
  ],
  [
    'ssh: connect to host 10.0.0.1 port 22: Connection refused\n',
    'unreachable',
    'cannot be reached by ssh',
    'is sshd running',
  ],
  [
    'ssh: connect to host 10.0.0.1 port 22: Connection timed out\n',
    'unreachable',
    'cannot be reached by ssh',
    'ssh -F f 10.0.0.1',
  ],
  [
    'ssh: Could not resolve hostname n0: Name or service not known\n',
    'unreachable',
    'is not known',
    '--host n0=',
  ],
  ['Connection to 10.0.0.1 closed by remote host.\n', 'unreachable', 'was cut', 'again'],
  [
    'channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\nConnection closed by UNKNOWN port 65535\n',
    'unreachable',
    'cannot be reached by ssh',
    'sshd',
  ],
  ['Timeout, server 10.0.0.1 not responding.\n', 'unreachable', 'was cut', 'again'],
])('%s', (stderr, exit, what, next) => {
  const failure = sshFailure(n0, 'ssh', said(stderr));
  expect(failure?.parts).toMatchObject({
    exit,
    what: expect.stringContaining(what),
    next: expect.stringContaining(next),
  });
});

it.each([
  ['scp: Connection closed\n', 'unreachable', 'was cut'],
  ['scp: write remote "/var/tmp/x": Failure\n', 'failed', 'cannot be written'],
  ['scp: Received message too long 1416392805\n', 'failed', 'does not take files'],
])('scp: %s', (stderr, exit, what) => {
  const failure = sshFailure(n0, 'scp', said(stderr, 1));
  expect(failure?.parts).toMatchObject({ exit, what: expect.stringContaining(what) });
});

it('what a program on the host ends with is not ssh’s', () => {
  expect(sshFailure(n0, 'ssh', said('E: no space', 100))).toBeUndefined();
  expect(sshFailure(n0, 'ssh', said('', 0))).toBeUndefined();
});

it('a machine without ssh is told what to install, and the way without it', () => {
  const failure = sshFailure(n0, 'ssh', {
    kind: 'notStarted',
    code: 'ENOENT',
    message: 'x',
    stdout: '',
    stderr: '',
  });
  expect(failure?.parts.next).toContain('openssh-client');
  expect(failure?.parts.next).toContain('the same command with --manual');
});
