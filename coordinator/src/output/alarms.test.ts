/** An alarm that is armed: who says so, what the cluster is called then, and what to do about it. */
import { describe, expect, it } from 'vitest';
import type { EndpointView } from '../cluster/probe-members.js';
import { alarmNotes, alarmRows, alarmsOf, alarmTable, judgedByAlarms } from './alarms.js';
import { healthLine } from './health-line.js';
import { countVoters, verdictOf, verdictText } from './verdict.js';

/** 10276657743932975437, as etcd writes it. */
const id = '8e9e05c52164694d';
const noSpace = 'memberID:10276657743932975437 alarm:NOSPACE ';

function endpoint(errors: readonly string[], version = '3.5.30'): EndpointView {
  const status = { version, errors } as unknown as NonNullable<EndpointView['status']>;
  return {
    name: 'n0',
    endpoint: 'https://10.0.0.10:2379',
    health: { kind: 'healthy', tookMs: 1 },
    status,
  };
}

const members = (['n0', 'n1', 'n2'] as const).map((name, index) => ({
  name,
  id: index === 0 ? id : `${index}`.repeat(16),
  role: 'voter' as const,
  health: 'healthy' as const,
}));
const well = {
  bootstrapped: true,
  counts: countVoters(3, members),
  anyAnswers: true,
  allAgents: true,
  missing: 0,
};

describe('an alarm', () => {
  it.each([
    [noSpace, { type: 'NOSPACE', memberId: id }],
    ['memberID:10276657743932975437  alarm:CORRUPT', { type: 'CORRUPT', memberId: id }],
    ['alarm:CORRUPT ', { type: 'CORRUPT', memberId: null }],
  ])('is read from the words of etcd: %s', (text, alarm) => {
    expect(alarmsOf(endpoint([text]))).toEqual([alarm]);
  });

  it('is none where etcd complains of something else, or does not answer', () => {
    expect(alarmsOf(endpoint(['etcdserver: no leader']))).toEqual([]);
    expect(alarmsOf({ status: undefined })).toEqual([]);
  });

  it('is a row, once, however many tell it', () => {
    const rows = alarmRows([endpoint([noSpace]), endpoint([noSpace]), endpoint([])], [], members);
    expect(rows).toEqual([{ type: 'NOSPACE', memberId: id, node: 'n0' }]);
    expect(alarmTable(rows)).toBe(`ALARM    MEMBER            NAME\nNOSPACE  ${id}  n0`);
  });

  it('of servers older than 3.4 is told by the agents that wait for it', () => {
    const waiting = [{ rule: 'noSpace', reason: 'NOSPACE is armed' }];
    const unnamed = [{ type: 'NOSPACE', memberId: null, node: null }];
    expect(alarmRows([endpoint([], '3.3.25')], waiting, members)).toEqual(unnamed);
    // A newer one tells itself, and sooner than an agent that looks once in a while.
    expect(alarmRows([endpoint([], '3.4.23')], waiting, members)).toEqual([]);
  });
});

describe('a cluster of healthy voters', () => {
  const armed = alarmRows([endpoint([noSpace])], [], members);

  it('is degraded while an alarm is armed, and says which and what to do', () => {
    expect(verdictOf({ ...well, alarms: armed })).toBe('degraded');
    expect(verdictText('degraded', well.counts, armed)).toBe(
      'degraded: 3 of 3 voters healthy, tolerates 1 more failure; alarm armed: NOSPACE',
    );
    expect(alarmNotes(armed)).toEqual([expect.stringMatching(/^next: coordinator alarm list/)]);
  });

  it('is ok without one, with every agent and every voter', () => {
    expect(verdictOf({ ...well, alarms: [] })).toBe('ok');
    expect(verdictOf({ ...well, alarms: [], allAgents: false })).toBe('degraded');
    expect(verdictOf({ ...well, alarms: [], missing: 1 })).toBe('degraded');
  });

  it('and one of unhealthy voters is called by its quorum, alarm or not', () => {
    const counts = countVoters(
      3,
      members.map((member, index) => ({ ...member, health: index === 0 ? 'healthy' : 'unhealthy' })),
    );
    expect(verdictOf({ ...well, counts, alarms: armed })).toBe('noQuorum');
    expect(verdictOf({ ...well, counts, alarms: [], anyAnswers: false })).toBe('unreachable');
    expect(verdictOf({ ...well, bootstrapped: false, alarms: [] })).toBe('failed');
  });
});

it('an endpoint that knows of an alarm is unhealthy in the words of etcdctl', () => {
  expect(healthLine(judgedByAlarms(endpoint([noSpace])))).toBe(
    'https://10.0.0.10:2379 is unhealthy: failed to commit proposal: Active Alarm(s): NOSPACE',
  );
  const quiet = endpoint([]);
  expect(judgedByAlarms(quiet)).toBe(quiet);
});
