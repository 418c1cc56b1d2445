import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentProof, coordinatorProof, enrolmentKey, exporterBytes, proofsEqual } from './proof.js';
import { sampleToken } from './testing/samples.js';

const context = { cluster: 'prod', node: 'etcd0' };
const caHash = 'ab'.repeat(32);
const publicKeyHash = 'cd'.repeat(32);
const exporter = new Uint8Array(exporterBytes).fill(7);
const key = enrolmentKey(sampleToken.secret, exporter);
const hashes = fc.stringMatching(/^[0-9a-f]{64}$/);
const names = fc.stringMatching(/^[a-z0-9]{1,8}$/);

describe('the key of an enrolment', () => {
  it('is the same at both ends of one connection, and another on every other connection', () => {
    expect(enrolmentKey(sampleToken.secret, exporter)).toEqual(key);
    const bytes = fc.uint8Array({ minLength: exporterBytes, maxLength: exporterBytes });
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        const equal = Buffer.from(left).equals(right);
        const [a, b] = [left, right].map((each) => Buffer.from(enrolmentKey(sampleToken.secret, each)));
        expect(a!.equals(b!)).toBe(equal);
      }),
    );
  });

  it('is another for another secret', () => {
    expect(enrolmentKey('BAECAwQFBgcICQoLDA0ODw', exporter)).not.toEqual(key);
  });

  it('is not made from half an exporter or half a secret', () => {
    expect(() => enrolmentKey(sampleToken.secret, exporter.slice(1))).toThrow(RangeError);
    expect(() => enrolmentKey(sampleToken.secret, new Uint8Array())).toThrow(RangeError);
    expect(() => enrolmentKey(sampleToken.secret.slice(4), exporter)).toThrow(RangeError);
    expect(() => enrolmentKey('', exporter)).toThrow(RangeError);
  });
});

describe('a proof', () => {
  it('of the coordinator, sent back, is no proof of the agent, even over the same hash', () => {
    fc.assert(
      fc.property(hashes, (hash) => {
        expect(proofsEqual(coordinatorProof(key, context, hash), agentProof(key, context, hash))).toBe(false);
      }),
    );
  });

  it('relayed from another connection is worth nothing', () => {
    const relayed = enrolmentKey(sampleToken.secret, new Uint8Array(exporterBytes).fill(8));
    expect(
      proofsEqual(coordinatorProof(relayed, context, caHash), coordinatorProof(key, context, caHash)),
    ).toBe(false);
    expect(
      proofsEqual(agentProof(relayed, context, publicKeyHash), agentProof(key, context, publicKeyHash)),
    ).toBe(false);
  });

  it.each([
    ['coordinator', coordinatorProof],
    ['agent', agentProof],
  ] as const)('of the %s is another for another cluster, node or hash', (_who, proof) => {
    const inputs = fc.tuple(names, names, hashes);
    fc.assert(
      fc.property(inputs, inputs, (left, right) => {
        const [a, b] = [left, right].map(([cluster, node, hash]) => proof(key, { cluster, node }, hash));
        expect(proofsEqual(a!, b!)).toBe(left.join(' ') === right.join(' '));
      }),
    );
    const own = proof(key, context, caHash);
    expect(proofsEqual(own, proof(key, { ...context, node: 'etcd1' }, caHash))).toBe(false);
    expect(proofsEqual(own, proof(key, { ...context, cluster: 'test' }, caHash))).toBe(false);
    expect(proofsEqual(own, proof(key, context, publicKeyHash))).toBe(false);
  });

  it('does not depend on where one name ends and the next begins', () => {
    const left = coordinatorProof(key, { cluster: 'ab', node: 'c' }, caHash);
    expect(proofsEqual(left, coordinatorProof(key, { cluster: 'a', node: 'bc' }, caHash))).toBe(false);
  });

  it('keeps its formula: both sides of different versions must agree on it', () => {
    expect(coordinatorProof(key, context, caHash)).toMatchInlineSnapshot(
      `"1f071973e6c7a14b33fea38a43e8b25b54e52be6358799d493c418714e8495f2"`,
    );
    expect(agentProof(key, context, publicKeyHash)).toMatchInlineSnapshot(
      `"43fd0d97bf6b57bf0d6327027629b5936317a6e1bcd4860dc8542db170b4e98c"`,
    );
  });
});

describe('comparing proofs', () => {
  it('is false, not an exception, for what is no proof', () => {
    const own = coordinatorProof(key, context, caHash);
    for (const other of ['', own.slice(2), `${own}00`, 'zz'.repeat(32), own.replace(/^../, 'zz')]) {
      expect(proofsEqual(own, other)).toBe(false);
      expect(proofsEqual(other, other)).toBe(other.length === 64 && /^[0-9a-f]+$/.test(other));
    }
    expect(proofsEqual(own, own)).toBe(true);
  });
});
