/** Exit codes that scripts rely on, and how an error looks. */
import { DialError } from '@etcd-agent/platform';
import { Fault, LinkError } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { failureOf } from './bootstrap/connect.js';
import { exitCodes, Failure } from './failure.js';
import { nodeFailure } from './link/dial-error.js';
import { showFailure } from './output/show-failure.js';
import { places } from './testing/situations.js';

const [n0, n1] = places(2) as [ReturnType<typeof places>[number], ReturnType<typeof places>[number]];

it('exit codes never change their meaning', () => {
  expect(exitCodes).toEqual({
    ok: 0,
    failed: 1,
    usage: 2,
    degraded: 3,
    noQuorum: 4,
    unreachable: 5,
    refused: 6,
    identity: 7,
    interrupted: 130,
  });
});

describe('an error on the way to a node', () => {
  const refusedPort = new DialError(
    'connect',
    'connect ECONNREFUSED 10.0.0.10:2400',
    undefined,
    'ECONNREFUSED',
  );
  it.each([
    ['a port nobody listens on', refusedPort, 5, /not running/],
    [
      'a host that is down',
      new DialError('connect', 'EHOSTUNREACH', undefined, 'EHOSTUNREACH'),
      5,
      /host is down/,
    ],
    ['a silent host', new DialError('timeout', 'Opening handshake has timed out'), 5, /host is down/],
    ['a certificate of nobody here', new DialError('tls', 'self-signed certificate'), 7, /in between/],
    ['another node at its address', new DialError('identity', 'it is agent n1'), 7, /in between/],
    [
      'a door closed to us',
      new DialError('refused', 'not of this agent CA', 401),
      7,
      /not the one the agent was enrolled/,
    ],
    ['a link that broke', new LinkError('closed', 'the link was closed'), 5, /went down/],
    ['a refusal', new Fault('refused', 'data is still there', 'move it'), 6, undefined],
    ['an older generation', new Fault('staleGeneration', 'generation 1 is older than 2'), 6, undefined],
    ['a disk that is full', new Fault('failed', 'ENOSPC: no space left on device'), 1, undefined],
    ['something nobody expected', new Error('boom'), 1, undefined],
  ])('such as %s names the node and its address and has the right exit code', (_what, error, exit, cause) => {
    const { exitCode, parts } = nodeFailure(n0, error);
    expect(exitCode).toBe(exit);
    expect(parts.where).toEqual(['n0 (10.0.0.10 port 2400)']);
    expect(parts.what).toContain('n0');
    if (cause !== undefined) expect(parts.cause).toMatch(cause);
  });

  it('keeps the hint of the agent as the next step', () => {
    expect(nodeFailure(n0, new Fault('refused', 'no', 'do this')).parts.next).toBe('do this');
  });

  it('of several nodes tells all of them, under the gravest code', () => {
    const failure = failureOf([
      { place: n0, failure: nodeFailure(n0, refusedPort) },
      { place: n1, failure: nodeFailure(n1, new DialError('identity', 'it is agent n7')) },
    ]);
    expect(failure.exitCode).toBe(exitCodes.identity);
    expect(failure.parts.what).toBe('2 nodes cannot be used');
    expect(failure.parts.where!.map((line) => /n\d/.exec(line)![0])).toEqual(['n0', 'n1']);
    expect(failure.parts.next!.split('\n')).toHaveLength(2);
  });
});

describe('an error as it is shown', () => {
  it('says what, where, why and what next, a line each', () => {
    const { text, exitCode } = showFailure(
      new Failure({
        exit: 'refused',
        what: 'it is so',
        where: ['a:1', 'b:2'],
        cause: 'because',
        next: 'one\ntwo',
      }),
    );
    expect(exitCode).toBe(6);
    expect(text).toBe(
      'error: it is so\n  where: a:1\n  where: b:2\n  cause: because\n  next:  one\n         two\n',
    );
  });

  it('that nobody foresaw has no stack, and says how to get one', () => {
    const { text, exitCode } = showFailure(new TypeError('x is undefined'));
    expect(exitCode).toBe(1);
    expect(text).toBe(
      'error: x is undefined\n  next:  run again with COORDINATOR_DEBUG=1 for the stack, and report it\n',
    );
  });
});
