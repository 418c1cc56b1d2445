/** Snapshots as tables and lines. */
import type { SnapshotContent, SnapshotScheduleView, StoredSnapshot } from '@etcd-agent/protocol';
import type { Source } from '../snapshots/plan/pick-source.js';
import type { SavedSnapshotNote } from '../state/saved-snapshots.js';
import { sizeText } from './sizes.js';
import { table } from './table.js';

export function savedLines(taken: SavedSnapshotNote & { readonly source: Source }): string {
  const { file, revision, keys, bytes, sha256, verified, source } = taken;
  return lines(`saved ${file}`, [
    ['from', `${source.name} (${source.role}, etcd ${source.version})`],
    ['revision', revision],
    ['keys', keys === null ? 'not known: compacted before they were counted' : count(keys)],
    ['size', `${sizeText(bytes)} (${bytes} bytes)`],
    ['sha256', sha256],
    ['verified', verified === null ? 'not yet' : trialText(verified.on, verified.content)],
  ]);
}

export interface Verified {
  readonly on: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly content: SnapshotContent;
}

export function verifiedLines(name: string, { on, bytes, sha256, content }: Verified): string {
  return lines(`${name} is good`, [
    ['revision', content.revision],
    ['keys', count(content.keys)],
    ['size', `${sizeText(bytes)} (${bytes} bytes)`],
    ['sha256', sha256],
    ['hash', `${content.hash} (etcd's hash over all keys and revisions)`],
    ['verified', trialText(on, content)],
  ]);
}

/** `there`: the file is still where it was saved. */
export type SavedHere = SavedSnapshotNote & { readonly there: boolean };
export type StoredThere = StoredSnapshot & { readonly where: string };

export function snapshotTable(here: readonly SavedHere[], nodes: readonly StoredThere[]): string {
  const head = ['WHERE', 'NAME', 'TAKEN', 'REVISION', 'KEYS', 'SIZE', 'VERIFIED'];
  return table(head, [
    ...here.map((each) => [
      each.there ? 'here' : 'gone',
      each.file,
      each.at.slice(0, 19).concat('Z'),
      each.revision,
      each.keys === null ? '-' : String(each.keys),
      sizeText(each.bytes),
      each.verified === null ? 'no' : each.verified.at.slice(0, 19).concat('Z'),
    ]),
    ...nodes.map((each) => [
      each.where,
      each.name,
      each.at.slice(0, 19).concat('Z'),
      each.verified?.content.revision ?? '-',
      each.verified === null ? '-' : String(each.verified.content.keys),
      sizeText(each.bytes),
      each.verified === null ? 'no' : each.verified.at.slice(0, 19).concat('Z'),
    ]),
  ]);
}

export function pruneTable(
  going: readonly { where: string; file: string; at: string; bytes: number; verified: object | null }[],
): string {
  return table(
    ['WHERE', 'NAME', 'TAKEN', 'SIZE', 'VERIFIED'],
    going.map(({ where, file, at, bytes, verified }) => [
      where,
      file,
      at.slice(0, 19).concat('Z'),
      sizeText(bytes),
      verified === null ? 'no' : 'yes',
    ]),
  );
}

/** What the schedule of a node is at; nothing where the topology has none. */
export function scheduleLines(node: string, schedule: SnapshotScheduleView | null): string[] {
  if (schedule === null) return [];
  const failed =
    schedule.last === null || schedule.last.ok ? [] : [`  ${schedule.last.at}: ${schedule.last.text}`];
  return [`${node}: ${schedule.now}`, ...failed];
}

function trialText(on: string, { etcdMinor, tookMs }: SnapshotContent): string {
  return `by a trial restore on ${on} (etcd ${etcdMinor}, ${(tookMs / 1000).toFixed(1)} s)`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function lines(title: string, rows: readonly (readonly [string, string])[]): string {
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(9)} ${value}`)].join('\n');
}
