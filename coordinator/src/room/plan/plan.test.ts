import { memberId } from '@etcd-agent/etcd';
import { expect, it } from 'vitest';
import { quotaIn } from '../read-metrics.js';
import { defragMsMax, diskTrouble, versionTroubles } from './defrag-rules.js';
import { stillCorrupt, stillNoSpace } from './disarm-rules.js';
import { nextTurn, troubles } from './one-at-a-time.js';
import type { RoomMember, RoomSight } from './sight.js';

const mebibyte = 1024 * 1024;
const idOf = (node: string) => memberId(node.slice(-1));

function member(node: string, change: Partial<RoomMember> = {}): RoomMember {
  return {
    node,
    endpoint: '',
    answers: true,
    healthy: true,
    why: '',
    memberId: idOf(node),
    version: '3.5.30',
    leads: node === 'etcd0',
    fileBytes: 100 * mebibyte,
    usedBytes: 40 * mebibyte,
    quotaBytes: 2048 * mebibyte,
    appliedIndex: '100000',
    ...change,
  };
}

function sight(members: readonly RoomMember[], change: Partial<RoomSight> = {}): RoomSight {
  const listed = members.map(({ node }) => ({
    id: idOf(node),
    name: node,
    peerURLs: [],
    clientURLs: [],
    role: 'voter' as const,
    started: true,
  }));
  return { members, listed, alarms: [], ...change };
}

const three = [member('etcd0'), member('etcd1'), member('etcd2')];
const whole = sight(three);

it('of three healthy members any may be taken out of service, one that is full too', () => {
  expect(troubles(whole)).toEqual([]);
  expect(troubles(sight(three, { alarms: [{ memberId: idOf('etcd1'), type: 'NOSPACE' }] }))).toEqual([]);
});

it.each<[string, RoomSight, RegExp]>([
  [
    'one is down',
    sight([three[0]!, three[1]!, member('etcd2', { healthy: false, why: 'refused' })]),
    /etcd2 is not healthy: refused/,
  ],
  [
    'one joins',
    sight(three, { listed: [...whole.listed.slice(0, 2), { ...whole.listed[2]!, role: 'learner' }] }),
    /etcd2 is joining/,
  ],
  [
    'one has not started',
    sight(three, { listed: [...whole.listed, { ...whole.listed[0]!, id: memberId('9'), started: false }] }),
    /has not started/,
  ],
  [
    'one is nobody of ours',
    sight(three, { listed: [...whole.listed, { ...whole.listed[0]!, id: memberId('9') }] }),
    /no node of the topology/,
  ],
  ['data may differ', sight(three, { alarms: [{ memberId: memberId('0'), type: 'CORRUPT' }] }), /CORRUPT/],
  ['nobody leads', sight(three.map((each) => ({ ...each, leads: false }))), /no member leads/],
  [
    'one lags',
    sight([three[0]!, three[1]!, member('etcd2', { appliedIndex: '90000' })]),
    /10000 entries behind/,
  ],
])('nobody is taken out of service while %s', (_name, seen, why) => {
  expect(troubles(seen)).toEqual([expect.stringMatching(why)]);
});

it('followers have their turn first, and the leader hands over to one that had it', () => {
  const all = ['etcd0', 'etcd1', 'etcd2'];
  expect(nextTurn(whole, all, [])).toMatchObject({ member: { node: 'etcd1' }, handOverTo: undefined });
  expect(nextTurn(whole, ['etcd0', 'etcd2'], ['etcd1'])).toMatchObject({ member: { node: 'etcd2' } });
  expect(nextTurn(whole, ['etcd0'], ['etcd2'])).toMatchObject({
    member: { node: 'etcd0' },
    handOverTo: { node: 'etcd2' },
  });
  expect(nextTurn(sight([three[0]!]), ['etcd0'], [])).toMatchObject({ handOverTo: undefined });
  expect(nextTurn(whole, [], all)).toBeUndefined();
});

it.each([
  ['3.5.5', false, 1],
  ['3.5.0', false, 1],
  ['3.5.5', true, 0],
  ['3.5.6', false, 0],
  ['3.4.23', false, 0],
  ['3.3.25', false, 0],
  ['what', false, 1],
])('defragmenting etcd %s, forced %s, meets %d objections', (version, force, count) => {
  expect(versionTroubles([member('etcd1', { version })], force)).toHaveLength(count);
});

it('a defragmentation needs room for what is in use, or for the whole file where that is not told', () => {
  expect(diskTrouble(three[0]!, 110 * mebibyte)).toBeUndefined();
  expect(diskTrouble(three[0]!, 100 * mebibyte)).toContain('104 MiB');
  expect(diskTrouble(member('etcd0', { usedBytes: undefined }), 110 * mebibyte)).toContain('164 MiB');
  expect(defragMsMax({ fileBytes: 1024 ** 3 })).toBe(120_000);
});

it.each<[string, Partial<RoomMember>, number]>([
  ['has room', {}, 0],
  ['is nearly full', { fileBytes: 1950 * mebibyte }, 1],
  ['does not tell its quota', { quotaBytes: undefined }, 1],
  ['does not answer', { answers: false }, 1],
])('NOSPACE stays armed while a member %s: %#', (_name, change, count) => {
  expect(stillNoSpace([three[0]!, member('etcd1', change)])).toHaveLength(count);
});

it('CORRUPT stays armed while hashes differ, or one is not told', () => {
  const hash = (node: string, value: number | undefined, compactRevision = '5') => ({
    node,
    hash: value,
    compactRevision,
    why: 'silent',
  });
  expect(stillCorrupt([hash('a', 1), hash('b', 1)])).toEqual([]);
  expect(stillCorrupt([hash('a', 1), hash('b', 2)])).toEqual([expect.stringContaining('differ')]);
  expect(stillCorrupt([hash('a', 1), hash('b', 1, '6')])).toEqual([expect.stringContaining('differ')]);
  expect(stillCorrupt([hash('a', 1), hash('b', undefined)])).toEqual([
    expect.stringContaining('b tells no hash'),
  ]);
});

it('the quota is read from metrics as Go writes numbers', () => {
  expect(quotaIn('a 1\netcd_server_quota_backend_bytes 2.147483648e+09\nb 2')).toBe(2_147_483_648);
  expect(quotaIn('# HELP etcd_server_quota_backend_bytes x')).toBeUndefined();
});
