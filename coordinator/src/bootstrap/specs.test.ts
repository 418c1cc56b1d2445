/** Specs follow from topology, record and certificates, and from nothing else; the wire takes every one of them. */
import { memberSpecSchema } from '@etcd-agent/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ourBootstrap } from '../testing/situations.js';
import { validTopology } from '../testing/topologies.js';
import { expectedIds, placesOf } from '../topology/places.js';
import { topologySchema } from '../topology/schema.js';
import { memberSpecs, type SpecInputs, specDigests } from './specs.js';

function inputsOf(written: unknown, token = 'c1-0123456789abcdef'): SpecInputs {
  const topology = topologySchema.parse(written);
  const places = placesOf(topology);
  return {
    topology,
    places,
    record: {
      bootstrapId: ourBootstrap,
      token,
      ...expectedIds(places, token),
      etcdVersion: '3.5.16',
      unwanted: [],
      replaces: [],
    },
    certificates: new Map(places.map(({ name }, index) => [name, String(index).repeat(64)])),
  };
}

describe('the specs of any valid topology', () => {
  it('are accepted by every agent, one for each node, with the same members for all', () => {
    fc.assert(
      fc.property(validTopology, fc.integer({ min: 1, max: 1000 }), (written, generation) => {
        const inputs = inputsOf(written);
        const specs = memberSpecs(inputs, generation);
        expect(specs.map(({ node }) => node)).toEqual(inputs.places.map(({ name }) => name));
        for (const spec of specs) {
          expect(memberSpecSchema.safeParse(spec).error?.issues ?? []).toEqual([]);
          expect(spec.generation).toBe(generation);
          expect(spec.initialCluster).toEqual(specs[0]!.initialCluster);
          expect(spec.agents).toEqual(specs[0]!.agents);
          const own = spec.initialCluster.find(({ name }) => name === spec.node);
          expect([own?.memberId, own?.peerURLs]).toEqual([spec.memberId, spec.etcd.initialAdvertisePeerURLs]);
        }
      }),
    );
  });

  it('have one digest whatever the generation, and another for another token, certificate or setting', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const inputs = inputsOf(written);
        const { specsSha256, settingsSha256 } = specDigests(inputs);
        expect(specDigests(structuredClone(inputs))).toEqual({ specsSha256, settingsSha256 });
        expect(specDigests(inputsOf(written, 'c1-another-token')).settingsSha256).not.toBe(settingsSha256);
        const quota = { ...written, etcd: { ...written.etcd, snapshotCount: 200_001 } };
        expect(specDigests(inputsOf(quota)).settingsSha256).not.toBe(settingsSha256);
        // A node that was enrolled again: agents must hear of it, etcd need not.
        const enrolled = specDigests({
          ...inputs,
          certificates: new Map([...inputs.certificates, [inputs.places[0]!.name, 'f'.repeat(64)]]),
        });
        expect(enrolled.specsSha256).not.toBe(specsSha256);
        expect(enrolled.settingsSha256).toBe(settingsSha256);
      }),
    );
  });

  it('carry policy, unwanted nodes and replaced members, which are new specs and no other settings of etcd', () => {
    fc.assert(
      fc.property(validTopology, (written) => {
        const inputs = inputsOf(written);
        const before = specDigests(inputs);
        const { name } = inputs.places[0]!;
        const watching = inputsOf({ ...written, healing: { orphan: '17m' } });
        const unwanted = { ...inputs, record: { ...inputs.record, unwanted: [name] } };
        const memberId = 'ab'.repeat(8);
        const replaced = { ...inputs, record: { ...inputs.record, replaces: [{ node: name, memberId }] } };
        for (const changed of [watching, unwanted, replaced]) {
          expect(specDigests(changed).specsSha256).not.toBe(before.specsSha256);
          expect(specDigests(changed).settingsSha256).toBe(before.settingsSha256);
        }
        for (const spec of memberSpecs(watching, 2)) expect(spec.healing.orphanMs).toBe(17 * 60_000);
        for (const spec of memberSpecs(unwanted, 2)) expect(spec.unwanted).toEqual([name]);
        for (const spec of memberSpecs(replaced, 2))
          expect(spec.replaces).toBe(spec.node === name ? memberId : undefined);
      }),
    );
  });
});

it('a node without a certificate stops the specs of all: nobody may be trusted unnamed', () => {
  const inputs = inputsOf({ name: 'c', nodes: [{ name: 'a', address: '10.0.0.1' }] });
  expect(() => memberSpecs({ ...inputs, certificates: new Map() }, 1)).toThrow('no certificate of a');
});
