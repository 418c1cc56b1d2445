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

/** The certificate that each of these nodes was enrolled with last, by name; nodes never enrolled are left out. */
export async function currentCertificates(
  state: StateDir,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const nodes = await Promise.all(names.map((name) => readNode(state, name)));
  return new Map(nodes.flatMap((node) => (node === undefined ? [] : [[node.name, node.certificateSha256]])));
}
