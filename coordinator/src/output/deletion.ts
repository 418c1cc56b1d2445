/** How a deletion of keys is shown: what it is about to do, how it goes, how it ended. */
import type { DeletionEnd } from '../data/delete-keys.js';
import { table } from './table.js';
import type { View } from './view.js';

export interface PrefixCount {
  readonly prefix: string;
  readonly keys: number;
}

/** What brings it all back. */
export interface SavedBefore {
  readonly file: string;
  readonly revision: string;
}

export function countTable(counts: readonly PrefixCount[]): string {
  const rows = counts.map(({ prefix, keys }) => [String(keys), prefix]);
  return table(['KEYS', 'BELOW'], rows);
}

export function plannedView(counts: readonly PrefixCount[], command: string): View {
  return {
    document: { kind: 'DataDelete', outcome: 'planned', counts },
    table: countTable(counts),
    notes: ['nothing was changed', `next: ${command}`],
  };
}

export function deletedView(
  counts: readonly PrefixCount[],
  saved: SavedBefore,
  end: DeletionEnd,
  { command, seconds }: { readonly command: string; readonly seconds: number },
): View {
  const { deleted, left, transactions, longestMs, interrupted } = end;
  const head = interrupted ? 'interrupted: ' : '';
  return {
    document: {
      kind: 'DataDelete',
      outcome: interrupted ? 'interrupted' : left === 0 ? 'deleted' : 'left',
      counts,
      deleted,
      left,
      transactions,
      longestMs: Math.round(longestMs),
      seconds,
      snapshot: saved,
    },
    table: `${head}${deleted} keys deleted in ${seconds.toFixed(1)} s, by ${transactions} transactions, the longest of ${Math.round(longestMs)} ms; ${left} left`,
    exit: interrupted ? 'interrupted' : left === 0 ? 'ok' : 'failed',
    notes: [
      ...(left === 0 || interrupted
        ? []
        : [`${left} keys were written while it went on: stop whoever writes them, then: ${command}`]),
      ...(interrupted ? [`next: ${command}  goes on with what is left`] : []),
      ...undoNotes(saved),
      ...(left === 0
        ? [
            'the file on disk is as large as before: coordinator compact, then coordinator defrag give the room back',
          ]
        : []),
    ],
  };
}

export function undoNotes({ file, revision }: SavedBefore): string[] {
  return [
    `undo: coordinator restore ${file}  (all data as of revision ${revision}; what others wrote since is lost too)`,
  ];
}
