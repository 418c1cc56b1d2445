/** Random topologies that are valid, and their text: what the property tests of topology, specs and plan begin with. */
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { TopologyFile } from '../topology/schema.js';

/** A topology as an operator would write it: only some of the keys, the others by default. */
export interface WrittenTopology {
  name: string;
  nodes: Record<string, unknown>[];
  agent?: { port?: number };
  etcd?: Partial<TopologyFile['etcd']>;
  healing?: Record<string, unknown>;
  pki?: Record<string, unknown>;
}

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,10}[a-z0-9])?$/);
const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 254 }), fc.integer({ min: 1, max: 254 }))
    .map(([a, b]) => `10.0.${a}.${b}`),
  fc.integer({ min: 1, max: 0xffff }).map((low) => `fd00::${low.toString(16)}`),
);
const text = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 .,'-]{0,20}[A-Za-z0-9]$/);
const key = fc.constantFrom(
  { algo: 'rsa', size: 2048 },
  { algo: 'rsa', size: 3072 },
  { algo: 'rsa', size: 4096 },
  { algo: 'ecdsa', size: 256 },
  { algo: 'ecdsa', size: 384 },
);
// Each from a range of its own, so that no two ports of one node can meet.
const ports = {
  agent: fc.integer({ min: 2400, max: 2499 }),
  client: fc.integer({ min: 2300, max: 2379 }),
  peer: fc.integer({ min: 2380, max: 2399 }),
};
const optional: { requiredKeys: [] } = { requiredKeys: [] };

/** Valid topologies of one to nine nodes, with warnings perhaps, without errors. */
export const validTopology: fc.Arbitrary<WrittenTopology> = fc
  .record(
    {
      name,
      nodes: fc
        .uniqueArray(fc.tuple(name, address), {
          minLength: 1,
          maxLength: 9,
          comparator: (a, b) => a[0] === b[0] || a[1] === b[1],
        })
        .chain((pairs) =>
          fc.tuple(
            ...pairs.map(([nodeName, nodeAddress]) =>
              fc
                .record(
                  {
                    dns: fc.array(fc.constantFrom('a.example', 'b-1.example.org', 'host7'), { maxLength: 2 }),
                    agentPort: ports.agent,
                    clientPort: ports.client,
                    peerPort: ports.peer,
                    dataDir: fc.constantFrom('/data/etcd', '/var/lib/etcd/x.etcd'),
                  },
                  optional,
                )
                .map((rest) => ({ name: nodeName, address: nodeAddress, ...rest })),
            ),
          ),
        ),
      agent: fc.record({ port: ports.agent }, optional),
      etcd: fc
        .record(
          {
            dataDir: fc.constant('/data/default.etcd'),
            clientPort: ports.client,
            peerPort: ports.peer,
            heartbeatInterval: fc.integer({ min: 10, max: 10_000 }),
            quotaBackendBytes: fc.integer({ min: 0, max: 16 * 1024 ** 3 }),
            autoCompactionMode: fc.constantFrom('periodic', 'revision') as fc.Arbitrary<
              'periodic' | 'revision'
            >,
            autoCompactionRetention: fc.constantFrom('8h', '30m', '1000'),
            snapshotCount: fc.integer({ min: 1, max: 200_000 }),
            maxRequestBytes: fc.integer({ min: 1, max: 10_000_000 }),
            install: fc.constantFrom(
              { from: 'package' } as const,
              { from: 'file', file: './etcd-v3.5.30-linux-amd64.tar.gz', sha256: '0e'.repeat(32) } as const,
            ),
          },
          optional,
        )
        .map((etcd) => ({ ...etcd, electionTimeout: Math.max(50, 5 * (etcd.heartbeatInterval ?? 500)) })),
      healing: fc.record(
        {
          mode: fc.constantFrom('heal', 'watch'),
          watch: fc.constantFrom('0s', '5s', '1m'),
          orphan: fc.constantFrom('1s', '15m', '24h', '7d'),
          repairsPerDayMax: fc.integer({ min: 1, max: 100 }),
          quarantineBytesMax: fc.integer({ min: 0, max: 2 ** 40 }),
        },
        optional,
      ),
      pki: fc.record(
        {
          key,
          names: fc.array(
            fc.record({ C: fc.constant('DE'), ST: text, L: text, O: text, OU: text }, optional),
            {
              minLength: 1,
              maxLength: 3,
            },
          ),
          expiry: fc.constantFrom('87600h', '8760h30m'),
        },
        optional,
      ),
    },
    { requiredKeys: ['name', 'nodes'] },
  )
  .map((written) => written as unknown as WrittenTopology);

/** As a file, in block or flow style. */
export function topologyText(written: unknown, style: 'block' | 'flow' = 'block'): string {
  return stringify(written, { collectionStyle: style, lineWidth: 0 });
}

/** Three nodes on fixed addresses, P-256: a topology for tests that need just one. */
export const threeNodes = `name: c1
nodes:
  - { name: n0, address: 10.0.0.10, dns: [n0.example] }
  - { name: n1, address: 10.0.0.11 }
  - { name: n2, address: 10.0.0.12 }
pki: { key: { algo: ecdsa, size: 256 } }
`;
