import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isWalSegment, readWalMetadata } from './wal.js';

// The first two records of a segment, the same from real etcd 3.3.25, 3.4.23, 3.5.16 and 3.5.30; the ids are from their logs.
const segment = Buffer.from(
  '040000000000008408041000000000001f00000000000081080110d1d4d7e9061a1508bcb69eace8ce8491d60110828b9abf86d7bfab6600',
  'hex',
);
const ids = { kind: 'ok', nodeId: 'd622127685879b3c', clusterId: '6656feb867e68582' };

describe('the head of a WAL segment', () => {
  it('tells the member and the cluster that it belongs to', () => {
    expect(readWalMetadata(segment)).toEqual(ids);
  });

  it('is read the same from the middle of a larger buffer', () => {
    const padded = Buffer.concat([Buffer.alloc(3, 7), segment]);
    expect(readWalMetadata(padded.subarray(3))).toEqual(ids);
  });

  it('is empty before etcd has written anything', () => {
    expect(readWalMetadata(new Uint8Array())).toEqual({ kind: 'empty' });
    expect(readWalMetadata(new Uint8Array(64 * 1024))).toEqual({ kind: 'empty' });
  });

  it('is corrupt when it is cut off anywhere before the end of the metadata', () => {
    const length = segment.length;
    for (let end = 1; end < length; end++) {
      expect(readWalMetadata(segment.subarray(0, end)).kind, `cut at ${end}`).not.toBe('ok');
    }
  });

  it('never gives other ids when one bit of it is flipped', () => {
    for (let bit = 0; bit < segment.length * 8; bit++) {
      const flipped = Buffer.from(segment);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const read = readWalMetadata(flipped);
      if (read.kind === 'ok') expect(read, `bit ${bit}`).toEqual(ids);
    }
    const last = Buffer.from(segment);
    last[last.length - 7]! ^= 1;
    expect(readWalMetadata(last)).toEqual({ kind: 'corrupt', why: expect.any(String) });
  });

  it('of a later segment counts its checksum on from the one before', () => {
    const wrongSeed = Buffer.from(segment);
    const at = wrongSeed.indexOf(Buffer.from([0x10, 0x00]));
    wrongSeed[at + 1] = 1;
    expect(readWalMetadata(wrongSeed)).toEqual({
      kind: 'corrupt',
      why: 'the checksum of the metadata is wrong',
    });
  });

  it('reads any bytes without failing', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void readWalMetadata(bytes)));
  });

  it('is looked for in segments only', () => {
    expect(isWalSegment('0000000000000000-0000000000000000.wal')).toBe(true);
    expect(['0.tmp', '0000000000000001-0000000000000002.wal.broken', 'x.wal'].filter(isWalSegment)).toEqual(
      [],
    );
  });
});
