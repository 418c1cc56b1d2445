/** What a person reads about one node: what is seen, what comes next, what it waits for, and what to do. */
import type { HealStatus, Sight } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { reachedOf } from '../testing/fake-agents.js';
import { healStatusOf, peerView } from '../testing/healing.js';
import { places } from '../testing/situations.js';
import { type ExplainInputs, explanation } from './explain.js';
import { guardTable, healingTable } from './healing.js';

const now = new Date('2026-01-01T00:10:00.000Z');
const names = ['n0', 'n1', 'n2'];
const sight = (change: Partial<Sight>): Sight => ({
  node: 'n2',
  agent: 'up',
  agentForMs: 0,
  etcd: 'silent',
  etcdForMs: 12_000,
  ...change,
});
const others = (change: Partial<Sight> = {}) =>
  ['n0', 'n1'].map((name) => peerView(name, { sights: [sight(change)] }));
const waiting = [
  {
    rule: 'rejoinDataGone',
    reason: 'no WAL; quorum: 1 of 3 voters healthy',
    evidence: { healthy: 1, needed: 2 },
  },
];

function text(change: Partial<ExplainInputs>, status: Partial<HealStatus> = {}): string {
  const inputs: ExplainInputs = {
    node: 'n2',
    names,
    own: { kind: 'answers', status: healStatusOf('n2', status) },
    views: others(),
    isUnwanted: false,
    now,
    ...change,
  };
  return explanation(inputs)
    .flatMap(({ head, lines }) => [`${head}:`, ...lines])
    .join('\n');
}

describe('a node that waits to be repaired', () => {
  const seen = [{ what: 'data', text: 'no WAL in /var/lib/etcd' }];
  const shown = text({}, { waiting, seen, view: peerView('n2', { etcd: 'down', etcdForMs: 12_000 }) });

  it('tells what it sees and what the others see', () => {
    expect(shown).toContain('etcd is down for 12s');
    expect(shown).toContain('no WAL in /var/lib/etcd');
    expect(shown).toContain('n1    etcd down 12s');
    expect(shown).toContain('etcd of n2: down 12s, as everybody sees it');
  });

  it('tells what it waits for, with the numbers', () => {
    expect(shown).toContain(
      'waits (rejoinDataGone): no WAL; quorum: 1 of 3 voters healthy [healthy=1 needed=2]',
    );
  });
});

it('a repair under way is told with its stage, both ids and how long', () => {
  const repair = {
    id: '5f6d3a55-6b6b-4f4e-9c0f-3a6b0b6f2d11',
    rule: 'rejoinDataGone',
    stage: 'joining',
    startedAt: '2026-01-01T00:09:15.000Z',
    oldMemberId: 'a'.repeat(16),
    newMemberId: 'b'.repeat(16),
  };
  const shown = text({}, { repair });
  expect(shown).toContain(
    `repair under way (rejoinDataGone): joining ${'a'.repeat(16)} -> ${'b'.repeat(16)} for 45s`,
  );
  expect(shown).toContain('coordinator events --node n2 --follow');
});

describe('a node whose agent is silent', () => {
  const silent: ExplainInputs['own'] = { kind: 'silent', why: 'connect ECONNREFUSED' };

  it('is told from what the others see, and nothing is done to it for that', () => {
    const shown = text({ own: silent, views: others({ agent: 'silent', agentForMs: 40_000 }) });
    expect(shown).toContain('no answer: connect ECONNREFUSED');
    expect(shown).toContain('agent silent 40s');
    expect(shown).toContain('nobody does anything to a node for being silent');
    expect(shown).toContain('coordinator token n2 --replace');
    expect(shown).toContain('coordinator member remove n2');
  });

  it('and nobody else answers either, says so', () => {
    expect(text({ own: silent, views: [] })).toContain('no other agent answers');
  });
});

describe('what a person can do', () => {
  const flapping = [
    {
      rule: 'rejoinDataGone',
      reason: 'no WAL; notFlapping: 3 repairs of a day did not hold for 600 s: a person must look',
    },
  ];
  const pause = { until: '2026-01-01T01:00:00.000Z', reason: 'disk swap', by: 'ann@admin1' };
  it.each<[string, Partial<ExplainInputs>, Partial<HealStatus>, string]>([
    ['where it is paused', {}, { pause }, 'coordinator heal resume'],
    [
      'where it only watches',
      {},
      { policy: { ...healStatusOf('n2').policy!, mode: 'watch' } },
      'coordinator apply -f FILE',
    ],
    ['where it was removed on purpose', { isUnwanted: true }, {}, 'coordinator member replace n2'],
    ['before it has a spec', {}, { view: peerView('n2', { generation: 0 }) }, 'coordinator bootstrap'],
    [
      'where a disk is new',
      {},
      { waiting: [{ rule: 'newDisk', reason: 'another file system is in the place of the data dir' }] },
      'coordinator node accept-disk n2',
    ],
    [
      'where a disk is new under a repair',
      {},
      { waiting: [{ rule: 'resumeRepair', reason: 'another file system is in the place of the data dir' }] },
      'coordinator node accept-disk n2',
    ],
    [
      'where its repairs do not hold: the events',
      {},
      { waiting: flapping },
      'coordinator events --node n2 --since 24h',
    ],
    [
      'where its repairs do not hold: the way out',
      {},
      { waiting: flapping },
      'raise repairsPerDayMax, under healing: in the topology, then coordinator apply -f FILE',
    ],
  ])('%s', (_name, change, status, line) => {
    expect(text(change, status)).toContain(line);
  });

  it.each(['a read-only file system', 'File system full'])(
    'is not to accept a disk where etcd itself says: %s',
    (words) => {
      const reason = `start 3 in 4 s: open /var/lib/etcd/member/wal: ${words}`;
      expect(text({}, { waiting: [{ rule: 'startEtcd', reason }] })).not.toContain('accept-disk');
    },
  );

  it('is to wait where the next repair comes by itself', () => {
    const reason = 'no WAL; notFlapping: the last repair did not hold; the next one in 60 s';
    expect(text({}, { waiting: [{ rule: 'rejoinDataGone', reason }] })).not.toContain('repairsPerDayMax');
  });

  it('is nothing where all is well', () => {
    expect(text({ views: others({ etcd: 'healthy' }) })).not.toContain('What you can do');
  });
});

it('the table of all nodes has a row for those that do not answer, and a line for each wait and pause', () => {
  const [n0, n1, n2] = places(3);
  const pause = { until: '2026-01-01T01:00:00.000Z', reason: 'disk swap', by: 'ann@admin1' };
  const history = [
    { rule: 'x', startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:01:00.000Z' },
    { rule: 'x', startedAt: '2025-12-01T00:00:00.000Z', endedAt: '2025-12-01T00:01:00.000Z' },
  ].map((each) => ({ ...each, oldMemberId: 'a'.repeat(16), newMemberId: 'b'.repeat(16) }));
  const shown = healingTable(
    names,
    {
      answered: [
        { place: n0!, value: healStatusOf('n0', { pause, history }) },
        { place: n1!, value: healStatusOf('n1', { waiting }) },
      ],
      silent: reachedOf([], [n2!]).failures,
    },
    now,
  ).split('\n');
  expect(shown.slice(0, 4).map((line) => line.split(/ {2,}/))).toEqual([
    ['NODE', 'MODE', 'ETCD', 'PAUSED', 'REPAIR', 'TODAY', 'WAITING'],
    ['n0', 'heal', 'healthy', 'until 2026-01-01T01:00:00.000Z', '-', '1', '0'],
    ['n1', 'heal', 'healthy', '-', '-', '0', '1'],
    ['n2', 'no answer', '-', '-', '-', '-', '-'],
  ]);
  expect(shown.slice(5)).toEqual([
    'n0 is paused by ann@admin1: disk swap',
    'n1 waits (rejoinDataGone): no WAL; quorum: 1 of 3 voters healthy [healthy=1 needed=2]',
  ]);
});

it('guards that do not hold stand out', () => {
  expect(guardTable([{ guard: 'quorum', ok: false, reason: 'r' }])).toBe('GUARD   OK  REASON\nquorum  NO  r');
});
