/** Valid values to start a test from. */
import { healingPolicySchema } from '../healing.js';
import type { MemberSpec } from '../spec.js';
import type { JoinToken } from '../token.js';

export const sampleToken: JoinToken = {
  id: '0b5f7c1e-6f0a-4d52-9a53-2f1f7f0a9d11',
  cluster: 'etcd-cluster',
  node: 'etcd0',
  agentCaSha256: 'ab'.repeat(32),
  secret: 'AAECAwQFBgcICQoLDA0ODw',
  expiresAt: '2030-01-02T03:04:05.000Z',
};

export const sampleSpec: MemberSpec = {
  generation: 1,
  node: 'etcd0',
  cluster: {
    name: 'etcd-cluster',
    bootstrapId: '7f8a1c52-11d3-4a86-8a6b-3c5d2f9b0e44',
    token: 'etcd-cluster-6f1d2c3b',
    clusterId: '00a1b2c3d4e5f607',
  },
  memberId: '8e9e05c52164694d',
  etcd: {
    version: '3.4.23',
    dataDir: '/var/lib/etcd/default.etcd',
    listenPeerURLs: ['https://192.168.124.22:2380'],
    listenClientURLs: ['https://192.168.124.22:2379', 'https://127.0.0.1:2379'],
    initialAdvertisePeerURLs: ['https://192.168.124.22:2380'],
    advertiseClientURLs: ['https://192.168.124.22:2379'],
    heartbeatInterval: 500,
    electionTimeout: 2500,
  },
  initialCluster: [
    { name: 'etcd0', memberId: '8e9e05c52164694d', peerURLs: ['https://192.168.124.22:2380'] },
  ],
  healing: healingPolicySchema.parse({}),
  unwanted: [],
  agents: [
    {
      name: 'etcd0',
      address: '192.168.124.22',
      port: 2400,
      certificateSha256: 'cd'.repeat(32),
      clientURLs: ['https://192.168.124.22:2379'],
    },
  ],
};
