/** A cluster that has come up is the recorded one: to the id at first, by name and peer URL once it may have healed. */
import type { Member } from '@etcd-agent/etcd';
import { describe, expect, it } from 'vitest';
import type { ClusterView } from '../cluster/probe-members.js';
import { places, recordOf } from '../testing/situations.js';
import { assertMembers } from './assert-members.js';

const three = places(3);
const record = recordOf(three, true);
const first = recordOf(three, false);

function view(change: (members: Member[]) => Member[], clusterId = record.clusterId): ClusterView {
  const members = record.members.map(
    ({ memberId, name, peerURLs }) =>
      ({
        id: memberId,
        name,
        peerURLs,
        clientURLs: ['https://x:2379'],
        role: 'voter',
        started: true,
      }) as unknown as Member,
  );
  const endpoints = three.map(({ name, clientURL }) => ({
    name,
    endpoint: clientURL,
    health: { kind: 'healthy', tookMs: 1 },
    status: { clusterId },
  }));
  return { endpoints, members: change(members) } as unknown as ClusterView;
}
const repaired = (members: Member[]) =>
  members.map((member) =>
    member.name === 'n1' ? { ...member, id: 'ab'.repeat(8) as unknown as Member['id'] } : member,
  );

describe('the members found', () => {
  it('are those of the record, before and after the end of the bootstrap', () => {
    for (const expected of [first, record])
      expect(() =>
        assertMembers(
          view((all) => all),
          expected,
        ),
      ).not.toThrow();
  });

  it('may have another id once the cluster can have healed, and not in a first start', () => {
    expect(() => assertMembers(view(repaired), record)).not.toThrow();
    expect(() => assertMembers(view(repaired), first)).toThrow('not the one that was to begin');
  });

  it.each<[string, (members: Member[]) => Member[], RegExp]>([
    ['one is missing', (all) => all.slice(1), /found members: n1 /],
    ['one is a learner', (all) => [{ ...all[0]!, role: 'learner' }, ...all.slice(1)], /n0 \S+ \(learner\)/],
    [
      'one has not started',
      (all) => [{ ...all[0]!, name: '', started: false }, ...all.slice(1)],
      /without a name https:\/\/10\.0\.0\.10:2380 \(unstarted\)/,
    ],
    [
      'one has other peer URLs',
      (all) => [{ ...all[0]!, peerURLs: ['https://10.9.9.9:2380'] }, ...all.slice(1)],
      /10\.9\.9\.9/,
    ],
  ])('are told where %s', (_name, change, line) => {
    expect(() => assertMembers(view(change), record)).toThrow(
      expect.objectContaining({
        parts: expect.objectContaining({ where: expect.arrayContaining([expect.stringMatching(line)]) }),
      }),
    );
  });

  it('of another cluster are refused, whatever their names', () => {
    expect(() =>
      assertMembers(
        view((all) => all, 'cd'.repeat(8) as never),
        record,
      ),
    ).toThrow();
  });

  it('need not have a node that was removed on purpose, and may have it still', () => {
    const without = { ...record, unwanted: ['n2'] };
    expect(() =>
      assertMembers(
        view((all) => all.slice(0, 2)),
        without,
      ),
    ).not.toThrow();
    expect(() =>
      assertMembers(
        view((all) => all),
        without,
      ),
    ).not.toThrow();
    expect(() =>
      assertMembers(
        view((all) => all.slice(1)),
        without,
      ),
    ).toThrow();
  });
});
