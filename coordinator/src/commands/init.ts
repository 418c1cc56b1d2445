/** `coordinator init`: CAs, the operator's and the coordinator's certificates, and a copy of the topology. */
import { audit } from '../audit.js';
import { createAuthorities } from '../authority.js';
import { storedName } from '../cluster/open-cluster.js';
import { checkEtcdFile, keepEtcdFile } from '../etcd-install/etcd-file.js';
import type { View } from '../output/view.js';
import { StateDir } from '../state/state-dir.js';
import { readTopology } from '../topology/read.js';
import type { CommandContext } from './context.js';

export async function init({ stateDir, progress }: CommandContext, file: string): Promise<View> {
  const { topology, warnings, sources } = readTopology(file);
  const { install } = topology.etcd;
  const named = install?.from === 'file' ? await checkEtcdFile(file, install) : undefined;
  const { state, lock } = await StateDir.create(stateDir, 'coordinator init');
  try {
    const { algo, size } = topology.pkiSettings.ca.key;
    await progress.phase(`Make the CAs and certificates (${algo} ${size})`, () =>
      createAuthorities(state, topology.name, topology.pkiSettings, new Date()),
    );
    const { 'cluster.yaml': text, ...cfssl } = Object.fromEntries(sources);
    if (Object.keys(cfssl).length > 0) await state.makeDirectory('cfssl');
    for (const [name, content] of Object.entries(cfssl))
      await state.write(content, 'cfssl', storedName(name));
    if (named !== undefined) await progress.phase(`Keep ${named.path}`, () => keepEtcdFile(state, named));
    await audit(state, { action: 'init', outcome: 'ok', detail: { cluster: topology.name } });
    // The topology comes last: a state with one is a whole state.
    await state.write(text!, 'cluster.yaml');
  } finally {
    await lock.release();
  }
  const nodes = topology.nodes.map(({ name }) => name);
  return {
    document: { kind: 'Init', cluster: topology.name, state: stateDir, nodes, warnings },
    table: `Cluster ${topology.name} initialised in ${stateDir}: 3 CAs, ${nodes.length} nodes. Keep a copy: coordinator state export.`,
    notes: [
      ...warnings.map(({ where, path, message }) => `warning: ${where}: ${path} ${message}`),
      `next: for every node: coordinator token ${nodes[0]} > token, copy it there, then on the host: etcd-agent enrol --token-file token`,
      'then: coordinator bootstrap',
    ],
  };
}
