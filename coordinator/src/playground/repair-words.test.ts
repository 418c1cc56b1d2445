/** A repair is told once, step by step, with its reason, and without what an agent writes down for itself. */
import type { AgentEvent } from '@etcd-agent/protocol';
import { expect, it } from 'vitest';
import { repairWords } from './repair-words.js';

const words = (kind: AgentEvent['kind'], message: string) =>
  repairWords({ seq: 1, at: '2026-01-01T00:00:00.000Z', kind, rule: 'rejoinDataGone', message });

it('a decision is told with its reason, and its end not again', () => {
  expect(words('decided', 'beginRepair: the WAL that was in the data dir is gone')).toBe(
    'takes its member out of the cluster and in again: the WAL that was in the data dir is gone',
  );
  expect(words('done', 'beginRepair')).toBeUndefined();
});

it('a step of the repair is told when it is done, and not when it is decided', () => {
  expect(words('decided', 'removeMember: quorum: 2 other voters of 3 healthy, 2 needed')).toBeUndefined();
  expect(words('done', 'removeMember')).toBe('the old entry is out of the member list');
});

it('what fails and what is waited for is told as it was written down', () => {
  expect(words('failed', 'addMember: unhealthy cluster')).toBe('tries again: addMember: unhealthy cluster');
  expect(words('waiting', 'stopped by hand: started again in 9 s')).toBe(
    'waits: stopped by hand: started again in 9 s',
  );
});
