/** What an agent has written about its healing: events, the journal of a repair under way, what it remembers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentEvent } from '@etcd-agent/protocol';
import type { TestNode } from '../../support/index.js';

/** All events that are still kept, oldest first; a line that is just being written is left out. */
function eventsOf(node: TestNode): AgentEvent[] {
  return ['events.jsonl.1', 'events.jsonl'].flatMap((name) =>
    (node.read('agent', name) ?? '')
      .split('\n')
      .flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as AgentEvent] : [])),
  );
}

/** Number of the newest event: what comes after it came later. */
export function newestEvent(node: TestNode): number {
  return eventsOf(node).at(-1)?.seq ?? 0;
}

/** `kind rule message`, one line per event after `after`, for people and for matching. */
export function eventLines(node: TestNode, after = 0): string[] {
  return eventsOf(node)
    .filter(({ seq }) => seq > after)
    .map(({ kind, rule, message }) => `${kind} ${rule} ${message}`);
}

export interface JournalView {
  readonly stage: string;
  readonly rule: string;
  readonly oldId: string;
  readonly newId?: string;
  readonly attempts: number;
}

/** The journal of the repair under way; undefined where none is. */
export function journalOf(node: TestNode): JournalView | undefined {
  const path = join(node.stateDir, 'repair.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as JournalView;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export interface PastRepair {
  readonly rule: string;
  readonly oldMemberId: string;
  readonly newMemberId: string;
  readonly quarantines: readonly string[];
}

/** Finished repairs, newest last. */
export function repairsOf(node: TestNode): readonly PastRepair[] {
  const text = node.read('agent', 'healing.json');
  return text === undefined ? [] : (JSON.parse(text) as { history: PastRepair[] }).history;
}

/** Directories with data that were moved aside on this node, absolute. */
export function quarantinesOn(node: TestNode): string[] {
  const beside = readdirSync(node.dir)
    .filter((name) => name.startsWith('data.quarantine-'))
    .map((name) => join(node.dir, name));
  const inside = existsSync(node.dataDir)
    ? readdirSync(node.dataDir)
        .filter((name) => name.startsWith('.quarantine-'))
        .map((name) => join(node.dataDir, name))
    : [];
  return [...beside, ...inside];
}
