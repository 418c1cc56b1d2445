/** Who sees whom: what all agents see of each other as one matrix, and as a sentence a node. Pure. */
import type { PeerView } from '@etcd-agent/protocol';
import { ageText } from '../durations.js';
import { table } from './table.js';

/** One agent's sight of one node; of itself, how it finds its own etcd. */
export interface SightRow {
  readonly by: string;
  readonly node: string;
  readonly agent: 'up' | 'silent' | 'unknown';
  readonly agentForMs: number;
  readonly etcd: 'healthy' | 'unhealthy' | 'silent' | 'starting' | 'down' | 'unknown';
  readonly etcdForMs: number;
}

export function sightRows(views: readonly PeerView[]): SightRow[] {
  return views.flatMap((view) => [
    {
      by: view.node,
      node: view.node,
      agent: 'up' as const,
      agentForMs: 0,
      etcd: view.etcd,
      etcdForMs: view.etcdForMs,
    },
    ...view.sights.map((sight) => ({ by: view.node, ...sight })),
  ]);
}

/** Rows see, columns are seen. An agent that did not answer has an empty row. */
export function sightTable(
  names: readonly string[],
  rows: readonly SightRow[],
  seers: readonly string[] = names,
): string {
  const cell = (by: string, node: string) => {
    const row = rows.find((each) => each.by === by && each.node === node);
    return row === undefined ? '' : cellText(row);
  };
  return table(
    ['SEES', ...names],
    seers.map((by) => [by, ...names.map((node) => cell(by, node))]),
  );
}

function cellText(row: SightRow): string {
  const etcd = etcdText(row);
  const agent = row.agent === 'silent' ? `agent silent ${ageText(row.agentForMs)}` : '';
  if (row.etcd === 'unknown' && agent !== '') return agent;
  return [etcd === '' && agent === '' ? 'ok' : etcd, agent].filter(Boolean).join(', ');
}

/** Empty where all is well. */
function etcdText(row: SightRow): string {
  if (row.etcd === 'unknown') return '?';
  const trouble = etcdTrouble(row);
  return trouble === '' ? '' : `etcd ${trouble} ${ageText(row.etcdForMs)}`;
}

function etcdTrouble({ etcd }: SightRow): string {
  if (etcd === 'healthy') return '';
  return etcd === 'silent' ? 'down' : etcd;
}

/**
 * A sentence for every node that somebody does not see well. What everybody sees is the node's own trouble; what only some
 * see is the network's between them.
 */
export function sightSentences(names: readonly string[], rows: readonly SightRow[]): string[] {
  return names.flatMap((node) => {
    const others = rows.filter((row) => row.node === node && row.by !== node);
    const etcd = others
      .filter((row) => row.etcd !== 'unknown')
      .map((row) => ({ by: row.by, trouble: etcdTrouble(row), forMs: row.etcdForMs }));
    const agent = others
      .filter((row) => row.agent !== 'unknown')
      .map((row) => ({
        by: row.by,
        trouble: row.agent === 'up' ? '' : 'silent',
        forMs: row.agentForMs,
      }));
    return [...disagreement(node, `etcd of ${node}`, etcd), ...disagreement(node, `agent of ${node}`, agent)];
  });
}

interface Opinion {
  readonly by: string;
  /** Empty: it sees it well. */
  readonly trouble: string;
  readonly forMs: number;
}

function disagreement(node: string, what: string, opinions: readonly Opinion[]): string[] {
  const troubled = opinions.filter(({ trouble }) => trouble !== '');
  if (troubled.length === 0) return [];
  const longest = Math.max(...troubled.map(({ forMs }) => forMs));
  const state = `${[...new Set(troubled.map(({ trouble }) => trouble))].join(' or ')} ${ageText(longest)}`;
  const who = troubled.map(({ by }) => by).join(', ');
  // One opinion is nobody's agreement.
  if (opinions.length === 1) return [`${what}: ${state}, as ${who} sees it, which nobody else can tell`];
  if (troubled.length === opinions.length)
    return [`${what}: ${state}, as everybody sees it: look at ${node}`];
  const well = opinions.filter(({ trouble }) => trouble === '').map(({ by }) => by);
  return [
    `${what}: ${state}, as only ${who} sees it; ${well.join(', ')} ${well.length === 1 ? 'sees' : 'see'} it well: look at the network between ${who} and ${node}`,
  ];
}
