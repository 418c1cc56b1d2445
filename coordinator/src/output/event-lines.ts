/** Events as lines: for people, and one document each for what follows them. */
import { stringify } from 'yaml';
import type { NodeEvent } from '../events/read-events.js';
import { table } from './table.js';
import { apiVersion, type OutputFormat } from './view.js';

export function eventTable(events: readonly NodeEvent[]): string {
  return table(
    ['TIME', 'NODE', 'KIND', 'RULE', 'MESSAGE'],
    events.map(({ at, node, kind, rule, message }) => [at, node, kind, rule, message]),
  );
}

/** One event as it is printed while following, ending in a line feed. */
export function eventLine(event: NodeEvent, format: OutputFormat): string {
  const document = { apiVersion, kind: 'Event', event };
  switch (format) {
    case 'table': {
      const { at, node, kind, rule, message } = event;
      return `${at}  ${node}  ${kind.padEnd('operator'.length)}  ${rule}  ${message}\n`;
    }
    case 'json':
      return `${JSON.stringify(document)}\n`;
    case 'yaml':
      return `---\n${stringify(document, { lineWidth: 0 })}`;
  }
}
