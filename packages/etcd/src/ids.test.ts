import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapMemberId, clusterId, clusterIdOf, memberId, memberIdFromUint64 } from './ids.js';

describe('etcd ids', () => {
  it('hex text is normalised to 16 lower-case digits', () => {
    expect(memberId('2DA38978BC038BA1')).toBe('2da38978bc038ba1');
    expect(memberId('a1')).toBe('00000000000000a1');
    for (const bad of ['', 'xyz', '0x1', '12345678901234567', ' a'])
      expect(() => clusterId(bad)).toThrow(RangeError);
  });

  it('a uint64 beyond what a JavaScript number holds keeps every digit', () => {
    expect(memberIdFromUint64('10276657743932975437')).toBe('8e9e05c52164694d');
    expect(memberIdFromUint64(0xffff_ffff_ffff_ffffn)).toBe('ffffffffffffffff');
    for (const bad of ['-1', '1.5', '', '18446744073709551616', -1n]) {
      expect(() => memberIdFromUint64(bad)).toThrow(RangeError);
    }
  });

  it('a uint64 and its hex text are the same id', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), (value) => {
        expect(memberIdFromUint64(value)).toBe(memberId(value.toString(16)));
        expect(memberIdFromUint64(value.toString())).toBe(memberId(value.toString(16)));
      }),
    );
  });

  it("etcd's famous default member and cluster have their famous ids", () => {
    const id = bootstrapMemberId(['http://localhost:2380'], 'etcd-cluster');
    expect(id).toBe('8e9e05c52164694d');
    expect(clusterIdOf([id])).toBe('cdf818194e3a8c32');
  });

  it('ids do not depend on the order in which URLs or members are listed, but do on the token', () => {
    const [a, b] = ['https://10.0.0.1:2380', 'https://10.0.1.1:2380'];
    expect(bootstrapMemberId([a, b], 't')).toBe(bootstrapMemberId([b, a], 't'));
    expect(bootstrapMemberId([a, b], 't')).not.toBe(bootstrapMemberId([a, b], 'u'));
    const [one, two] = [bootstrapMemberId([a], 't'), bootstrapMemberId([b], 't')];
    expect(clusterIdOf([one, two])).toBe(clusterIdOf([two, one]));
    expect(clusterIdOf([one])).not.toBe(clusterIdOf([one, two]));
  });

  it('a member without URLs, an empty cluster and a repeated id are refused', () => {
    const id = memberId('1');
    expect(() => bootstrapMemberId([], 't')).toThrow(RangeError);
    expect(() => clusterIdOf([])).toThrow(RangeError);
    expect(() => clusterIdOf([id, id])).toThrow(RangeError);
  });
});
