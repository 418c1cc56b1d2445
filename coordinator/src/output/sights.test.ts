/** A node that is down and a network that is broken look different, and are told apart. */
import type { PeerView, Sight } from '@etcd-agent/protocol';
import { describe, expect, it } from 'vitest';
import { peerView } from '../testing/healing.js';
import { sightRows, sightSentences, sightTable } from './sights.js';

const names = ['n0', 'n1', 'n2'];
const well: Omit<Sight, 'node'> = { agent: 'up', agentForMs: 60_000, etcd: 'healthy', etcdForMs: 60_000 };

/** Every node sees every other one well, but for these. */
function views(
  trouble: Record<string, Partial<Sight>>,
  own: Record<string, Partial<PeerView>> = {},
): PeerView[] {
  return names.map((by) =>
    peerView(by, {
      sights: names
        .filter((node) => node !== by)
        .map((node) => ({ node, ...well, ...trouble[`${by}>${node}`] })),
      ...own[by],
    }),
  );
}
const down: Partial<Sight> = { etcd: 'silent', etcdForMs: 12_345 };

describe('a cluster that is well', () => {
  it('is ok from everywhere, and nothing is said', () => {
    const rows = sightRows(views({}));
    expect(sightTable(names, rows).split('\n').slice(1)).toEqual([
      'n0    ok  ok  ok',
      'n1    ok  ok  ok',
      'n2    ok  ok  ok',
    ]);
    expect(sightSentences(names, rows)).toEqual([]);
  });
});

describe('an etcd that is down', () => {
  const rows = sightRows(
    views({ 'n0>n2': down, 'n1>n2': down }, { n2: { etcd: 'down', etcdForMs: 13_000 } }),
  );

  it('is down from everywhere, its own agent included', () => {
    expect(sightTable(names, rows)).toBe(
      [
        'SEES  n0  n1  n2',
        'n0    ok  ok  etcd down 12s',
        'n1    ok  ok  etcd down 12s',
        'n2    ok  ok  etcd down 13s',
      ].join('\n'),
    );
  });

  it('is told as what everybody sees', () => {
    expect(sightSentences(names, rows)).toEqual(['etcd of n2: down 12s, as everybody sees it: look at n2']);
  });
});

describe('a network that is broken one way', () => {
  it('is told as what only one node does not see', () => {
    const rows = sightRows(views({ 'n0>n2': { ...down, agent: 'silent', agentForMs: 40_000 } }));
    expect(sightTable(names, rows).split('\n')[1]).toBe('n0    ok  ok  etcd down 12s, agent silent 40s');
    expect(sightSentences(names, rows)).toEqual([
      'etcd of n2: down 12s, as only n0 sees it; n1 sees it well: look at the network between n0 and n2',
      'agent of n2: silent 40s, as only n0 sees it; n1 sees it well: look at the network between n0 and n2',
    ]);
  });
});

describe('a host that is gone', () => {
  it('has an empty row of its own, and is told from what the others see', () => {
    const gone: Partial<Sight> = { ...down, agent: 'silent', agentForMs: 300_000 };
    const rows = sightRows(views({ 'n0>n2': gone, 'n1>n2': gone }).slice(0, 2));
    expect(sightTable(names, rows).split('\n').at(-1)).toBe('n2    -   -   -');
    expect(sightSentences(names, rows)).toEqual([
      'etcd of n2: down 12s, as everybody sees it: look at n2',
      'agent of n2: silent 5m, as everybody sees it: look at n2',
    ]);
  });
});

it('what an agent has not looked at yet is neither well nor a trouble', () => {
  const rows = sightRows(views({ 'n0>n1': { etcd: 'unknown', agent: 'unknown', etcdForMs: 0 } }));
  expect(sightTable(names, rows).split('\n')[1]).toBe('n0    ok  ?   ok');
  expect(sightSentences(names, rows)).toEqual([]);
});
