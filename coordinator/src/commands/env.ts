/** `coordinator env`: what the real etcdctl needs, as shell exports. */
import { readAdminCredentials } from '../authority.js';
import { wantedPlaces } from '../cluster/finished.js';
import { openCluster, readBootstrapRecord } from '../cluster/open-cluster.js';
import type { View } from '../output/view.js';
import type { CommandContext } from './context.js';

export async function env({ stateDir }: CommandContext): Promise<View> {
  const { state, places } = await openCluster(stateDir);
  // Checked now, so that etcdctl does not fail over a missing file later.
  await readAdminCredentials(state);
  const variables = {
    ETCDCTL_API: '3',
    ETCDCTL_ENDPOINTS: wantedPlaces(places, await readBootstrapRecord(state))
      .map(({ clientURL }) => clientURL)
      .join(','),
    ETCDCTL_CACERT: state.file('ca', 'etcd-root-ca.pem'),
    ETCDCTL_CERT: state.file('admin', 'etcd-client.pem'),
    ETCDCTL_KEY: state.file('admin', 'etcd-client-key.pem'),
  };
  return {
    document: { kind: 'Env', variables },
    table: Object.entries(variables)
      .map(([name, value]) => `export ${name}=${shellQuoted(value)}`)
      .join('\n'),
    ...(process.stdout.isTTY ? { notes: ['next: eval "$(coordinator env)"; etcdctl member list'] } : {}),
  };
}

function shellQuoted(text: string): string {
  return /^[A-Za-z0-9_/.:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
