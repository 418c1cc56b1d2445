/** Where nodes are reached, and the ids that follow from it. */
import { bootstrapMemberId, clusterIdOf } from '@etcd-agent/etcd';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validTopology } from '../testing/topologies.js';
import { expectedIds, placesOf } from './places.js';
import { topologySchema } from './schema.js';

const places = (written: unknown) => placesOf(topologySchema.parse(written));

describe('a place', () => {
  it('takes ports and data dir from the node, and from the cluster where the node has none', () => {
    const found = places({
      name: 'c1',
      agent: { port: 3400 },
      etcd: { clientPort: 4379, dataDir: '/d' },
      nodes: [
        { name: 'a', address: '10.0.0.1' },
        { name: 'b', address: '10.0.0.2', agentPort: 1, clientPort: 2, peerPort: 3, dataDir: '/b' },
      ],
    });
    expect(found).toEqual([
      {
        name: 'a',
        address: '10.0.0.1',
        dns: [],
        agentPort: 3400,
        clientPort: 4379,
        peerPort: 2380,
        clientURL: 'https://10.0.0.1:4379',
        peerURL: 'https://10.0.0.1:2380',
        dataDir: '/d',
      },
      {
        name: 'b',
        address: '10.0.0.2',
        dns: [],
        agentPort: 1,
        clientPort: 2,
        peerPort: 3,
        clientURL: 'https://10.0.0.2:2',
        peerURL: 'https://10.0.0.2:3',
        dataDir: '/b',
      },
    ]);
  });

  it('with IPv6 has its address in brackets and in one spelling: the id of a member is a hash of its URL', () => {
    const urls = ['fd00::1', 'fd00:0:0::0001', 'FD00::1'].map(
      (address) => places({ name: 'c', nodes: [{ name: 'a', address }] })[0]!.peerURL,
    );
    expect(new Set(urls)).toEqual(new Set(['https://[fd00::1]:2380']));
  });

  it('has URLs that say its address and its ports, whatever the topology', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const found = places(written);
        for (const place of found) {
          const [client, peer] = [new URL(place.clientURL), new URL(place.peerURL)];
          expect([client.protocol, peer.protocol]).toEqual(['https:', 'https:']);
          expect([Number(client.port), Number(peer.port)]).toEqual([place.clientPort, place.peerPort]);
          expect(client.hostname).toBe(peer.hostname);
        }
        expect(new Set(found.map(({ peerURL }) => peerURL)).size).toBe(found.length);
      }),
    );
  });
});

describe('the ids a cluster will have', () => {
  it('are those that etcd derives from peer URLs and token', () => {
    const found = places({
      name: 'c',
      nodes: [
        { name: 'a', address: '10.0.0.1' },
        { name: 'b', address: '10.0.0.2' },
      ],
    });
    const { members, clusterId } = expectedIds(found, 'token-1');
    const ids = ['https://10.0.0.1:2380', 'https://10.0.0.2:2380'].map((url) =>
      bootstrapMemberId([url], 'token-1'),
    );
    expect(members.map(({ memberId }) => memberId)).toEqual(ids);
    expect(clusterId).toBe(clusterIdOf(ids));
  });

  it('do not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const found = places(written);
        const forth = expectedIds(found, 'token-1');
        const back = expectedIds([...found].reverse(), 'token-1');
        expect(back.clusterId).toBe(forth.clusterId);
        expect([...back.members].reverse()).toEqual(forth.members);
      }),
    );
  });

  it('are all others with another token: data of an earlier bootstrap cannot be taken for this one', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const found = places(written);
        const [one, other] = [expectedIds(found, 'token-1'), expectedIds(found, 'token-2')];
        expect(one.clusterId).not.toBe(other.clusterId);
        const ids = new Set([...one.members, ...other.members].map(({ memberId }) => memberId));
        expect(ids.size).toBe(2 * found.length);
      }),
    );
  });
});
