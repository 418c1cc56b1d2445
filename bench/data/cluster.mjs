// A cluster of the product for one measurement, its programs, and what etcdctl needs to speak to it.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OurCluster } from '../heal/our-cluster.mjs';

const coordinatorProgram = fileURLToPath(new URL('../../coordinator/bin/coordinator.js', import.meta.url));

export async function dataCluster({ dir, etcd, timing }) {
  const ours = await OurCluster.start({ dir, etcd, timing });
  const { nodes, state } = ours.cluster;
  const pem = (name) => join(nodes[0].dir, 'etc', name);
  return {
    endpoints: ours.endpoints,
    coordinator: (args) => [coordinatorProgram, ['--state', state, ...args]],
    etcdctlEnv: {
      ETCDCTL_API: '3',
      ETCDCTL_ENDPOINTS: nodes.map(({ clientPort }) => `https://127.0.0.1:${clientPort}`).join(','),
      ETCDCTL_CACERT: pem('etcd-root-ca.pem'),
      ETCDCTL_CERT: pem('etcd.pem'),
      ETCDCTL_KEY: pem('etcd-key.pem'),
    },
    stop: () => ours.stop(),
  };
}
