/**
 * The member specs of a bootstrap: what follows from topology, record and the certificates that nodes hold. Pure, so that a
 * resume arrives at the same specs.
 */
import { createHash } from 'node:crypto';
import type { MemberSpec } from '@etcd-agent/protocol';
import type { BootstrapRecord } from '../state/records.js';
import { healingPolicy } from '../topology/healing-settings.js';
import type { NodePlace } from '../topology/places.js';
import type { TopologyFile } from '../topology/schema.js';
import { snapshotPolicy } from '../topology/snapshot-settings.js';

export interface SpecInputs {
  readonly topology: Pick<TopologyFile, 'name' | 'etcd' | 'healing' | 'snapshots'>;
  readonly places: readonly NodePlace[];
  readonly record: Pick<
    BootstrapRecord,
    'bootstrapId' | 'token' | 'clusterId' | 'members' | 'etcdVersion' | 'unwanted' | 'replaces'
  > &
    Partial<Pick<BootstrapRecord, 'previous' | 'underWay'>>;
  /** Current agent certificates by node name. */
  readonly certificates: ReadonlyMap<string, string>;
}

/** One spec per node, in the order of the topology. Throws where a node has no certificate: nobody may be unnamed. */
export function memberSpecs(
  { topology, places, record, certificates }: SpecInputs,
  generation: number,
): MemberSpec[] {
  const agents = places.map(({ name, address, agentPort, clientURL }) => {
    const certificateSha256 = certificates.get(name);
    if (certificateSha256 === undefined) throw new RangeError(`no certificate of ${name}`);
    return { name, address, port: agentPort, certificateSha256, clientURLs: [clientURL] };
  });
  const healing = healingPolicy(topology.healing);
  const { dataDir: _, clientPort: __, peerPort: ___, install: ____, ...tuning } = topology.etcd;
  return places.map((place) => ({
    generation,
    node: place.name,
    cluster: {
      name: topology.name,
      bootstrapId: record.bootstrapId,
      token: record.token,
      clusterId: record.clusterId,
      ...previousOf(record),
    },
    memberId: record.members.find(({ name }) => name === place.name)!.memberId,
    etcd: {
      version: record.etcdVersion,
      ...tuning,
      dataDir: place.dataDir,
      listenPeerURLs: [place.peerURL],
      listenClientURLs: [place.clientURL],
      initialAdvertisePeerURLs: [place.peerURL],
      advertiseClientURLs: [place.clientURL],
    },
    // Spelled out: a record just made and the same one read back may hold their keys in another order, and a digest sees that.
    initialCluster: record.members.map(({ name, memberId, peerURLs }) => ({ name, memberId, peerURLs })),
    agents,
    healing,
    ...(topology.snapshots === undefined ? {} : { snapshots: snapshotPolicy(topology.snapshots) }),
    unwanted: [...record.unwanted].sort(),
    ...replacesOf(place, record),
    ...(record.underWay === undefined ? {} : { hold: record.underWay }),
  }));
}

/** Left out where there are none, so that the specs of a cluster that was never restored are what they were before restores. */
function previousOf({ previous = [] }: SpecInputs['record']): Pick<MemberSpec['cluster'], 'previous'> {
  return previous.length === 0
    ? {}
    : { previous: previous.map(({ bootstrapId, clusterId }) => ({ bootstrapId, clusterId })) };
}

function replacesOf(
  { name }: NodePlace,
  { replaces }: Pick<BootstrapRecord, 'replaces'>,
): Pick<MemberSpec, 'replaces'> {
  const former = replaces.find(({ node }) => node === name);
  return former === undefined ? {} : { replaces: former.memberId };
}

/** Digests of the specs, generation left out: equal digests mean that nothing has to be sent. */
export interface SpecDigests {
  readonly specsSha256: string;
  /** What etcd itself runs with: another policy, or a host enrolled again or not wanted any more, changes nothing of it. */
  readonly settingsSha256: string;
}

export function specDigests(inputs: SpecInputs): SpecDigests {
  const specs = memberSpecs(inputs, 1);
  return {
    specsSha256: sha256(specs),
    settingsSha256: sha256(
      specs.map(
        ({
          agents: _,
          healing: __,
          snapshots: ___,
          unwanted: ____,
          replaces: _____,
          hold: ______,
          ...settings
        }) => settings,
      ),
    ),
  };
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
