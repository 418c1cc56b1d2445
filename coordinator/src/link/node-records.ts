/** The nodes that have an identity, as the coordinator knows them. */
import { type NodeRecord, nodeRecordSchema } from '../state/records.js';
import type { StateDir } from '../state/state-dir.js';

export function readNode(state: StateDir, name: string): Promise<NodeRecord | undefined> {
  return state.json(nodeRecordSchema, 'nodes', `${name}.json`);
}

export async function keepNode(state: StateDir, record: NodeRecord): Promise<void> {
  await state.makeDirectory('nodes');
  await state.writeJson(record, 'nodes', `${record.name}.json`);
}
